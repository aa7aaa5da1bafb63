//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestManagerSeesSkew: a policy or a CRD that does not fit the operator is a
// condition of the Stanza, before a run fails of it, and stays one until it fits.
func TestManagerSeesSkew(t *testing.T) {
	w, stop := startManagedWorld(t)

	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "stanzaflow-exec"}}
	w.patch(policy, "user", `{"metadata": {"labels": {"stanzaflow.dev/policy-contract": "v0"}}}`)
	w.eventually(vocab.ConditionReady, vocab.ReasonPolicyMismatch)
	w.eventuallyEvent(vocab.ReasonPolicyMismatch, "")
	w.patch(policy, "user", `{"metadata": {"labels": {"`+vocab.LabelPolicyContract+`": "`+vocab.PolicyContract+`"}}}`)
	w.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)

	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{}
	if err := w.client.Get(t.Context(), client.ObjectKey{Name: policy.Name}, binding); err != nil {
		t.Fatal(err)
	}
	again := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: binding.Name}, Spec: *binding.Spec.DeepCopy(),
	}
	if err := w.client.Delete(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonPolicyMissing)
	w.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
	w.eventuallyEvent(vocab.ReasonPolicyMissing, "")
	if err := w.client.Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonProgrammed)

	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := w.client.Get(t.Context(), client.ObjectKey{Name: "stanzas.stanzaflow.dev"}, crd); err != nil {
		t.Fatal(err)
	}
	older := crd.DeepCopy()
	delete(older.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"].Properties, "orphanedClaims")
	w.update(older)
	w.eventually(vocab.ConditionReady, vocab.ReasonCRDOutdated)
	older.Spec = crd.Spec
	w.update(older)
	w.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
	stop()

	// What does not change is not written.
	w.settle()
	w.patch(policy, "user", `{"metadata": {"labels": {"stanzaflow.dev/policy-contract": null}}}`)
	w.controller.skew.look(t.Context())
	w.settle()
	w.want(vocab.ConditionProgrammed, "False", vocab.ReasonPolicyMismatch)
	w.recorder.take()
	w.wantQuiet()
}
