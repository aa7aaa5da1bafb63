// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

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
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// defaultDuration of a certificate.
const defaultDuration = 90 * 24 * time.Hour

// issued is the Secret in the namespace of the operator that holds the
// certificates of one cluster, and the keys of their authorities.
type issued struct {
	UID     types.UID
	Version string
	State   certificate.State
	// Foreign: somebody else has the name.
	Foreign bool
	// Err: it could not be read, which stops no other action.
	Err error
}

// issuedName: a namespace has no dot in its name, so no two clusters meet.
func issuedName(key types.NamespacedName) string {
	return "pgbackrest-cert." + key.Namespace + "." + key.Name
}

// observeCertificate reads what we have issued. It is read from the API server:
// the operator may not list Secrets.
func (c *Controller) observeCertificate(ctx context.Context, state *State, plan translate.Plan) {
	if !issues(*state, plan) {
		return
	}
	secret := &corev1.Secret{}
	err := c.live.Get(ctx, types.NamespacedName{Namespace: c.namespace, Name: issuedName(state.Key)}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return
	case err != nil:
		state.Issued = &issued{Err: withoutContent(err)}
		return
	}
	state.Issued = &issued{UID: secret.UID, Version: secret.ResourceVersion, Foreign: !contains(secret.Labels, ourLabels(state.Key.Name))}
	if !state.Issued.Foreign {
		// What cannot be read is issued anew, and told by the event of that.
		state.Issued.State, _ = certificate.Decode(secret.Data)
	}
}

// issues reports whether the certificates of a cluster are ours to issue: the
// plan says so, or a repo host of ours uses them. It does for as long as it is
// there, with or without a postgresql, since PostgreSQL archives to it.
func issues(state State, plan translate.Plan) bool {
	if plan.RepoHost != nil && len(plan.RepoHost.Certificates) == 0 {
		return true
	}
	return slices.ContainsFunc(state.StatefulSets, func(host *unstructured.Unstructured) bool {
		return mounts(host, cpo.CertSecretName(state.Key.Name))
	})
}

// mounts reports whether the pods of a StatefulSet project a Secret.
func mounts(host *unstructured.Unstructured, secret string) bool {
	volumes, _, _ := unstructured.NestedSlice(host.Object, fieldSpec, "template", "spec", "volumes")
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

// certificateTask is what certificates a cluster is to have.
type certificateTask struct {
	Names    certificate.Names
	Duration time.Duration
}

// certificateFor is pure. The names depend on the cluster's name alone, so they
// are known when its resource has gone.
func certificateFor(state State, plan translate.Plan) *certificateTask {
	if !issues(state, plan) {
		return nil
	}
	commonName, dnsNames := translate.CertificateNames(cpo.Postgresql{Namespace: state.Key.Namespace, Name: state.Key.Name})
	return &certificateTask{
		Names:    certificate.Names{CommonName: commonName, DNSNames: dnsNames},
		Duration: certificateDuration(state, plan),
	}
}

// certificateDuration: what the Stanza says, unless that is a Problem; without
// a Stanza, what it was.
func certificateDuration(state State, plan translate.Plan) time.Duration {
	refused := slices.ContainsFunc(plan.Problems, func(p translate.Problem) bool { return p.Reason == vocab.ReasonInvalidCertificate })
	if state.Stanza != nil && !refused {
		switch asked := state.Stanza.Spec.Certificate.Duration; {
		case asked == nil || asked.Duration == 0:
			return defaultDuration
		case asked.Duration >= certificate.MinDuration:
			return asked.Duration
		}
	}
	if state.Issued != nil {
		if was := state.Issued.State.Duration(); was >= certificate.MinDuration {
			return was
		}
	}
	return defaultDuration
}

// certificate issues what is missing and renews what is due: first into our own
// Secret, then into that of the pods. If the process dies in between, the next
// pass finds the new certificates in the first and writes them into the second.
func (a *application) certificate(ctx context.Context, task certificateTask) {
	want := newObject(secretKind)
	want.SetNamespace(a.state.Key.Namespace)
	want.SetName(cpo.CertSecretName(a.state.Key.Name))
	want.SetLabels(allLabels(a.state.Key.Name))
	var before certificate.State
	switch there := a.state.Issued; {
	case there == nil:
	case there.Err != nil:
		a.fail("read", secretKind.Kind, issuedName(a.state.Key), there.Err)
		return
	case there.Foreign:
		refused := newObject(secretKind)
		refused.SetNamespace(a.namespace)
		refused.SetName(issuedName(a.state.Key))
		a.done.Refused = append(a.done.Refused, refused)
		return
	default:
		before = there.State
	}
	after, renewal, err := certificate.Renew(before, task.Names, task.Duration, a.now, a.random)
	if err != nil {
		a.failOn("renew the certificates in", want, err)
		return
	}
	if a.state.Issued == nil || !after.Equal(before) {
		if err := a.keepIssued(ctx, after); err != nil {
			a.fail("keep the certificates in", secretKind.Kind, issuedName(a.state.Key), withoutContent(err))
			return
		}
	}
	data, err := after.Secret()
	if err != nil {
		a.failOn("encode", want, err)
		return
	}
	encoded := map[string]any{}
	for file, content := range data {
		encoded[file] = base64.StdEncoding.EncodeToString(content)
	}
	want.Object["type"], want.Object["data"] = string(corev1.SecretTypeOpaque), encoded
	if !a.secret(ctx, secretTask{Want: want}) {
		return
	}
	a.done.Certificate = &stanzaflowv1alpha1.CertificateStatus{
		NotAfter: metav1.NewTime(after.NotAfter()), RenewalTime: metav1.NewTime(renewal),
	}
	a.done.Wake = earliest(a.done.Wake, renewal)
}

// keepIssued writes our own Secret: the one that was read and no later version,
// so that of two operators one gives way.
func (a *application) keepIssued(ctx context.Context, state certificate.State) error {
	data, err := state.Encode()
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: issuedName(a.state.Key), Labels: allLabels(a.state.Key.Name)},
		Data:       data,
	}
	if a.state.Issued == nil {
		return a.client.Create(ctx, secret, client.FieldOwner(vocab.FieldManager))
	}
	secret.UID, secret.ResourceVersion = a.state.Issued.UID, a.state.Issued.Version
	return a.client.Update(ctx, secret, client.FieldOwner(vocab.FieldManager))
}

// certificateStatus is what is in use. A pass that failed leaves it in use.
func certificateStatus(before *stanzaflowv1alpha1.CertificateStatus, p pass) *stanzaflowv1alpha1.CertificateStatus {
	switch {
	case p.Done.Certificate != nil:
		return p.Done.Certificate
	case p.Todo.Certificate == nil, len(p.Done.Refused) > 0:
		return nil
	}
	return before
}

func allLabels(cluster string) map[string]string {
	labels := ourLabels(cluster)
	labels[vocab.LabelPartOf] = vocab.ManagedBy
	return labels
}
