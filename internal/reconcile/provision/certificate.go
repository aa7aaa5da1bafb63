// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"encoding/base64"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/certificate"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Issued is the Secret in the namespace of the operator that holds the
// certificates of one cluster, and the keys of their authorities.
type Issued struct {
	uid     types.UID
	version string
	state   certificate.State
	// foreign: another owner uses the name.
	foreign bool
	// err: it could not be read, which stops no other action.
	err error
}

// issuedName is the name of that Secret. A namespace has no dot in its name, so
// no two clusters share one.
func issuedName(key types.NamespacedName) string {
	return "pgbackrest-cert." + key.Namespace + "." + key.Name
}

// Observe reads what we have issued for a cluster. It returns nil if there is
// nothing, or if the certificates are not ours to issue. It reads from the API
// server: the operator may not list Secrets.
func (p *Provider) Observe(ctx context.Context, live client.Reader, state object.State, plan translate.Plan) *Issued {
	if !issues(state, plan) {
		return nil
	}
	secret := &corev1.Secret{}
	err := live.Get(ctx, types.NamespacedName{Namespace: p.namespace, Name: issuedName(state.Key)}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return &Issued{err: withoutContent(err)}
	}
	issued := &Issued{uid: secret.UID, version: secret.ResourceVersion, foreign: !object.Contains(secret.Labels, object.Labels(state.Key.Name))}
	if !issued.foreign {
		// Unreadable certificates are issued again; the event of that says so.
		issued.state, _ = certificate.Decode(secret.Data)
	}
	return issued
}

// issues reports whether the certificates of a cluster are ours to issue: the
// plan says so, or a repo host of ours uses them. That holds for as long as the
// repo host exists, with or without a postgresql, because PostgreSQL archives to
// it.
func issues(state object.State, plan translate.Plan) bool {
	if plan.Provision != nil && plan.Provision.RepoHost != nil && len(plan.Provision.RepoHost.Certificates) == 0 {
		return true
	}
	return slices.ContainsFunc(state.Objects[object.StatefulSet], func(host *unstructured.Unstructured) bool {
		return mounts(host, cpo.CertSecretName(state.Key.Name))
	})
}

// leaves reports whether the certificates of a cluster are CPO's to make. PostgreSQL
// archives to a repo host of ours by those that we have issued, for as long as CPO
// has not replaced it, so they are renewed. A missing one is made by nobody but CPO.
func leaves(state object.State, plan translate.Plan) bool {
	return plan.LeftToCPO || state.Postgresql == nil && state.CPOInstalled
}

// mounts reports whether the pods of a StatefulSet project a Secret.
func mounts(host *unstructured.Unstructured, secret string) bool {
	volumes, _, _ := unstructured.NestedSlice(host.Object, object.FieldSpec, "template", "spec", "volumes")
	for _, volume := range volumes {
		volume, _ := volume.(map[string]any)
		sources, _, _ := unstructured.NestedSlice(volume, "projected", "sources")
		for _, source := range sources {
			source, _ := source.(map[string]any)
			if name, _, _ := unstructured.NestedString(source, "secret", "name"); name == secret {
				return true
			}
		}
	}
	return false
}

// certificateDuration is what the Stanza says, unless that is a Problem; without
// a Stanza, it is unchanged.
func certificateDuration(state object.State, plan translate.Plan, issued *Issued) time.Duration {
	refused := slices.ContainsFunc(plan.Problems, func(p problem.Problem) bool { return p.Reason == vocab.ReasonInvalidCertificate })
	if state.Stanza != nil && !refused {
		switch asked := state.Stanza.Spec.Certificate.Duration; {
		case asked == nil || asked.Duration == 0:
			return repohost.DefaultCertificateDuration
		case asked.Duration >= certificate.MinDuration:
			return asked.Duration
		}
	}
	if issued != nil {
		if was := issued.state.Duration(); was >= certificate.MinDuration {
			return was
		}
	}
	return repohost.DefaultCertificateDuration
}

// certificateNames depend on the cluster's name alone, so they are known when its
// resource is gone.
func certificateNames(key types.NamespacedName) certificate.Names {
	commonName, dnsNames := repohost.CertificateNames(cpo.Postgresql{Namespace: key.Namespace, Name: key.Name})
	return certificate.Names{CommonName: commonName, DNSNames: dnsNames}
}

// certificateSecret is the Secret of the pods, without its data.
func certificateSecret(key types.NamespacedName) *unstructured.Unstructured {
	secret := object.New(object.Secret)
	secret.SetNamespace(key.Namespace)
	secret.SetName(cpo.CertSecretName(key.Name))
	secret.SetLabels(manifest.Labels(key.Name))
	return secret
}

// issue issues what is missing, unless the action is to renew, and renews what is
// due: first into our own
// Secret, then into that of the pods. If the process dies in between, the next
// pass finds the new certificates in the first and writes them into the second.
func (a *application) issue(ctx context.Context, w *object.Writer, action object.Action) {
	key, want := w.State.Key, action.Want.DeepCopy()
	var before certificate.State
	switch there := a.issued; {
	case there == nil && action.Verb == object.Renew:
		return
	case there == nil:
	case there.err != nil:
		w.Fail("read", object.Secret, issuedName(key), there.err)
		return
	case there.foreign:
		refused := object.New(object.Secret)
		refused.SetNamespace(a.namespace)
		refused.SetName(issuedName(key))
		w.Done.Refused = append(w.Done.Refused, refused)
		return
	default:
		before = there.state
	}
	after, renewal, err := certificate.Renew(before, certificateNames(key), action.Valid, a.now, a.random)
	if err != nil {
		w.FailOn("renew the certificates in", want, err)
		return
	}
	if a.issued == nil || !after.Equal(before) {
		if err := a.keepIssued(ctx, w, after); err != nil {
			w.Fail("store the certificates in", object.Secret, issuedName(key), withoutContent(err))
			return
		}
	}
	data, err := after.Secret()
	if err != nil {
		w.FailOn("encode", want, err)
		return
	}
	encoded := map[string]any{}
	for file, content := range data {
		encoded[file] = base64.StdEncoding.EncodeToString(content)
	}
	want.Object["type"], want.Object["data"] = string(corev1.SecretTypeOpaque), encoded
	if !a.ensureSecret(ctx, w, secretTask{want: want, updateOnly: action.Verb == object.Renew}) {
		return
	}
	w.Done.Certificate = &stanzaflowv1alpha1.CertificateStatus{
		NotAfter: metav1.NewTime(after.NotAfter()), RenewalTime: new(metav1.NewTime(renewal)),
	}
	w.Done.Wake = object.Earliest(w.Done.Wake, renewal)
}

// keepIssued writes our own Secret: the version that was read and no later one,
// so that of two operators one gives way.
func (a *application) keepIssued(ctx context.Context, w *object.Writer, state certificate.State) error {
	data, err := state.Encode()
	if err != nil {
		return err
	}
	key := w.State.Key
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: issuedName(key), Labels: manifest.Labels(key.Name)},
		Data:       data,
	}
	if a.issued == nil {
		return w.Client.Create(ctx, secret, client.FieldOwner(vocab.FieldManager))
	}
	secret.UID, secret.ResourceVersion = a.issued.uid, a.issued.version
	return w.Client.Update(ctx, secret, client.FieldOwner(vocab.FieldManager))
}
