//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/stanzaflow/stanzaflow/internal/certificate"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// certData is the Secret of the pods.
func (w *world) certData() map[string][]byte {
	w.Helper()
	secret := &corev1.Secret{}
	if err := w.client.Get(w.Context(), w.key(reconciletest.Cert), secret); err != nil {
		w.Fatal(err)
	}
	return secret.Data
}

func (w *world) issuedSecret() *corev1.Secret {
	w.Helper()
	secret := &corev1.Secret{}
	if err := w.client.Get(w.Context(), types.NamespacedName{Namespace: operatorNamespace, Name: issuedName(w.key(reconciletest.Cluster))}, secret); err != nil {
		w.Fatal(err)
	}
	return secret
}

// wantPublished fails the test unless the pods have what was issued last.
func (w *world) wantPublished() {
	w.Helper()
	state, err := certificate.Decode(w.issuedSecret().Data)
	if err != nil {
		w.Fatal(err)
	}
	want, err := state.Secret()
	if err != nil {
		w.Fatal(err)
	}
	if !maps.EqualFunc(want, w.certData(), bytes.Equal) {
		w.Error("the pods do not have what was issued")
	}
}

// wantTrust fails the test unless pods with these two Secrets accept each other,
// as server and as client, at the time of the clock.
func (w *world) wantTrust(one, other map[string][]byte) {
	w.Helper()
	for _, data := range []struct{ shown, trusted map[string][]byte }{{one, one}, {one, other}, {other, one}, {other, other}} {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(data.trusted[cpo.FileCARoots]) {
			w.Fatal("no roots")
		}
		for _, files := range [][2]string{{cpo.FileClientCert, cpo.FileClientKey}, {cpo.FileRepoHostCert, cpo.FileRepoHostKey}} {
			pair, err := tls.X509KeyPair(data.shown[files[0]], data.shown[files[1]])
			if err != nil {
				w.Fatal(err)
			}
			leaf, err := x509.ParseCertificate(pair.Certificate[0])
			if err != nil {
				w.Fatal(err)
			}
			for _, name := range []string{
				reconciletest.Host + "-0.shop-clusterpods." + w.namespace + ".svc", "shop-pgbackrest-primary." + w.namespace + ".svc",
			} {
				for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
					if _, err := leaf.Verify(x509.VerifyOptions{
						DNSName: name, Roots: roots, CurrentTime: w.clock.Now(), KeyUsages: []x509.ExtKeyUsage{usage},
					}); err != nil {
						w.Errorf("%s is not trusted: %v", files[0], err)
					}
				}
			}
		}
	}
}

func testCertificates(w *world) {
	w.makeHost()
	w.wantPublished()
	status := w.stanza().Status.Certificate
	if left := status.NotAfter.Sub(w.clock.Now()); left < 89*24*time.Hour || left > 90*24*time.Hour {
		w.Errorf("the certificate is good for %v", left)
	}
	first := w.certData()
	authorities := map[string]bool{}
	before := first
	for i := range 7 {
		// A moment before its time nothing happens.
		w.clock.SetTime(w.stanza().Status.Certificate.RenewalTime.Add(-time.Second))
		w.settle()
		if !maps.EqualFunc(before, w.certData(), bytes.Equal) {
			w.Fatalf("renewal %d is early", i)
		}
		result, err := w.controller.Reconcile(w.Context(), w.request())
		if err != nil || result.RequeueAfter == 0 || result.RequeueAfter > 3*time.Second {
			w.Errorf("a second before a renewal the next pass is after %v, %v", result.RequeueAfter, err)
		}
		w.clock.SetTime(w.stanza().Status.Certificate.RenewalTime.Time)
		w.recorder.take()
		w.settle()
		after := w.certData()
		if bytes.Equal(before[cpo.FileClientCert], after[cpo.FileClientCert]) || bytes.Equal(before[cpo.FileRepoHostKey], after[cpo.FileRepoHostKey]) {
			w.Fatalf("renewal %d did not take place", i)
		}
		notes := w.recorder.take()
		if !has(notes, "Normal Updated: Updated Secret "+reconciletest.Cert) || has(notes, "BEGIN") {
			w.Errorf("events are %q", notes)
		}
		w.wantTrust(before, after)
		w.wantPublished()
		authorities[string(after[cpo.FileCARoots])] = true
		before = after
		w.wantQuiet()
	}
	if len(authorities) < 4 || bytes.Equal(first[cpo.FileCARoots], before[cpo.FileCARoots]) {
		w.Errorf("%d bundles in 7 renewals: the authority is not replaced", len(authorities))
	}
	// A shorter duration takes effect at once.
	w.patch(w.stanza(), "user", `{"spec": {"certificate": {"duration": "24h"}}}`)
	w.clock.SetTime(w.clock.Now().Add(17 * time.Hour))
	w.settle()
	if left := w.stanza().Status.Certificate.NotAfter.Sub(w.clock.Now()); left > 24*time.Hour {
		w.Errorf("the certificate is good for %v", left)
	}
	w.wantTrust(before, w.certData())
}

func testCertificatesOutlive(w *world) {
	postgresql := w.makeHost()
	w.delete(postgresql)
	w.settle()
	before := w.certData()
	w.clock.SetTime(w.stanza().Status.Certificate.RenewalTime.Time)
	w.settle()
	after := w.certData()
	if bytes.Equal(before[cpo.FileClientCert], after[cpo.FileClientCert]) {
		w.Error("not renewed after the cluster was deleted")
	}
	w.wantTrust(before, after)

	// The Stanza is gone too.
	w.delete(w.stanza())
	w.clock.SetTime(w.clock.Now().Add(61 * 24 * time.Hour))
	w.restart()
	w.settle()
	last := w.certData()
	if bytes.Equal(last[cpo.FileClientCert], after[cpo.FileClientCert]) {
		w.Error("not renewed after the Stanza was deleted")
	}
	w.wantTrust(after, last)

	// Without a repo host nothing needs them.
	w.delete(w.get(object.StatefulSet, reconciletest.Host))
	w.clock.SetTime(w.clock.Now().Add(61 * 24 * time.Hour))
	w.settle()
	if !bytes.Equal(last[cpo.FileClientCert], w.certData()[cpo.FileClientCert]) {
		w.Error("renewed although there is no repo host")
	}
}

func testCertificatesRepaired(w *world) {
	w.makeHost()
	before := w.certData()
	w.delete(w.get(object.Secret, reconciletest.Cert))
	w.wantQuiet() // not yet looked at
	w.clock.SetTime(w.clock.Now().Add(secretCheck))
	w.settle()
	if !maps.EqualFunc(before, w.certData(), bytes.Equal) {
		w.Error("the Secret has changed")
	}
	if notes := w.recorder.take(); !has(notes, "Normal Created: Created Secret "+reconciletest.Cert) {
		w.Errorf("events are %q", notes)
	}
	w.patch(w.get(object.Secret, reconciletest.Cert), "user", `{"data": {"`+cpo.FileClientKey+`": "eA==", "more": "eA=="}}`)
	w.clock.SetTime(w.clock.Now().Add(secretCheck))
	w.settle()
	if !maps.EqualFunc(before, w.certData(), bytes.Equal) {
		w.Error("the Secret has changed")
	}
	if notes := w.recorder.take(); len(notes) != 1 || !has(notes, "Normal Updated: Updated Secret "+reconciletest.Cert) {
		w.Errorf("events are %q", notes)
	}
	w.wantQuiet()
	// A repo host that is not ready may be missing it.
	w.setReady(0)
	w.settle()
	w.delete(w.get(object.Secret, reconciletest.Cert))
	w.clock.SetTime(w.clock.Now().Add(secretCheckWaiting))
	w.settle()
	w.wantPublished()
	w.setReady(1)
	w.settle()
	// If the cluster was created again, as in a new namespace, it may be gone.
	postgresql := w.get(cpo.GroupVersionKind, reconciletest.Cluster)
	w.delete(postgresql)
	w.settle()
	w.delete(w.get(object.Secret, reconciletest.Cert))
	w.create(reconciletest.Hosted(w.T, w.namespace))
	w.settle()
	w.wantPublished()
	// A restart looks at once.
	w.delete(w.get(object.Secret, reconciletest.Cert))
	w.restart()
	w.settle()
	w.wantPublished()
}

// testForeignSecret has a Secret of another owner, such as CPO, with and without the
// policy.
func testForeignSecret(w *world) {
	foreign := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: reconciletest.Cert, Labels: map[string]string{"application": "cpo"}},
		StringData: map[string]string{cpo.FileClientKey: "theirs"},
	}
	w.create(foreign)
	postgresql := w.makeHost()
	w.wantUntouchedSecret(foreign)
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonNotOwned)
	if !strings.Contains(c.Message, "Secret "+reconciletest.Cert+" exists and is not managed by stanzaflow for this cluster") {
		w.Errorf("message is %q", c.Message)
	}
	if w.stanza().Status.Certificate != nil {
		w.Error("the status has a certificate that nobody uses")
	}
	w.recorder.take()
	w.wantQuiet()
	if result, err := w.controller.Reconcile(w.Context(), w.request()); err != nil || result.RequeueAfter > retryForeign+time.Second {
		w.Errorf("looks again after %v, %v", result.RequeueAfter, err)
	}

	// It belongs to another cluster of ours: the policy lets us look, and the label
	// does not let us write.
	w.delete(foreign)
	foreign.ObjectMeta = metav1.ObjectMeta{Name: reconciletest.Cert, Labels: object.Labels("other")}
	w.create(foreign)
	w.settle()
	w.wantUntouchedSecret(foreign)
	w.want(vocab.ConditionProgrammed, "False", vocab.ReasonNotOwned)

	w.delete(foreign)
	w.settle()
	w.wantPublished()
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	_ = postgresql
}

func testAuthorityLost(w *world) {
	w.makeHost()
	before := w.certData()
	if err := w.client.Delete(w.Context(), w.issuedSecret()); err != nil {
		w.Fatal(err)
	}
	w.settle()
	after := w.certData()
	if bytes.Equal(before[cpo.FileCARoots], after[cpo.FileCARoots]) {
		w.Error("an authority without a key is still trusted")
	}
	w.wantPublished()
	w.wantTrust(after, after)

	// If part of it is damaged, the rest is used.
	issued := w.issuedSecret()
	w.patch(issued, "user", `{"data": {"`+cpo.FileClientKey+`": "eA==", "ca.crt": null}}`)
	w.settle()
	w.wantPublished()
	last := w.certData()
	w.wantTrust(last, last)
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	w.recorder.take()
	w.wantQuiet()
}

// testAuthorityUnreadable checks that an unreadable authority stops no backup.
func testAuthorityUnreadable(w *world) {
	whole := w.controller.live
	w.controller.live = interceptor.NewClient(whole.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if key.Namespace == operatorNamespace {
				return apierrors.NewForbidden(corev1.Resource("secrets"), key.Name, errors.New("no rights"))
			}
			return c.Get(ctx, key, o, options...)
		},
	})
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Hosted(w.T, w.namespace))
	if _, err := w.controller.Reconcile(w.Context(), w.request()); err == nil {
		w.Error("no error")
	}
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonApplyFailed)
	if !strings.Contains(c.Message, "Cannot read Secret "+issuedName(w.key(reconciletest.Cluster))) || !strings.Contains(c.Message, "no rights") {
		w.Errorf("message is %q", c.Message)
	}
	w.get(object.CronWorkflow, reconciletest.Full)
	w.get(object.StatefulSet, reconciletest.Host)
	if w.find(object.Secret, reconciletest.Cert) != nil {
		w.Error("certificates without an authority")
	}
	w.controller.live = whole
	w.settle()
	w.wantPublished()
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
}

func testForeignAuthority(w *world) {
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: issuedName(w.key(reconciletest.Cluster))}}
	if err := w.client.Create(w.Context(), foreign); err != nil {
		w.Fatal(err)
	}
	w.makeHost()
	w.wantUntouchedSecret(foreign)
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonNotOwned)
	if !strings.Contains(c.Message, foreign.Name) {
		w.Errorf("message is %q", c.Message)
	}
	if err := w.client.Delete(w.Context(), foreign); err != nil {
		w.Fatal(err)
	}
	w.settle()
	w.wantPublished()
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
}

func testCertManager(w *world) {
	w.makeHost()
	secret := w.get(object.Secret, reconciletest.Cert)
	w.patch(w.stanza(), "user", `{"spec": {"certificate": {"issuerRef": {"name": "ours"}}}}`)
	w.settle()
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonCertManagerNotInstalled)
	if !strings.Contains(c.Message, "install cert-manager, or remove spec.certificate.issuerRef") {
		w.Errorf("message is %q", c.Message)
	}
	w.recorder.take()
	w.wantNoEventsTwice()

	crd := certManagerCRD()
	if err := w.client.Create(w.Context(), crd); err != nil {
		w.Fatal(err)
	}
	eventually(w.T, func() error {
		_, err := object.List(w.Context(), w.client, object.Certificate, w.namespace, nil)
		return err
	})
	w.settle()
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	certificates, err := object.List(w.Context(), w.client, object.Certificate, w.namespace, client.MatchingLabels{vocab.LabelCluster: reconciletest.Cluster})
	if err != nil || len(certificates) != 2 {
		w.Fatalf("there are %d Certificates, %v", len(certificates), err)
	}
	w.recorder.take()
	w.wantQuiet()
	if w.stanza().Status.Certificate != nil {
		w.Error("the certificate is not ours to tell")
	}
	// Somebody shortens it.
	spec := reconciletest.JSON(certificates[0].Object["spec"])
	w.patch(certificates[0], "user", `{"spec": {"duration": "1m"}}`)
	w.settle()
	if got := w.get(object.Certificate, certificates[0].GetName()); reconciletest.JSON(got.Object["spec"]) != spec {
		w.Errorf("the Certificate is %s", reconciletest.JSON(got))
	}
	// The certificates issued before stay, and are no longer renewed.
	w.clock.SetTime(w.clock.Now().Add(80 * 24 * time.Hour))
	w.settle()
	w.wantUntouched(secret)
	if err := w.client.Delete(w.Context(), crd); err != nil {
		w.Fatal(err)
	}
}

// certManagerCRD takes any Certificate.
func certManagerCRD() *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "certificates.cert-manager.io"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: object.Certificate.Group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "certificates", Singular: "certificate", Kind: object.Certificate.Kind, ListKind: "CertificateList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: new(true),
				}},
			}},
		},
	}
}
