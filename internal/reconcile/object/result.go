// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"errors"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Result is the outcome of the actions.
type Result struct {
	// Stanza after the pass, nil if there is none.
	Stanza *stanzaflowv1alpha1.Stanza
	// InForce are the CronWorkflows that Argo runs or, if the user has suspended
	// them, holds: all that exist and are not being removed.
	InForce []*unstructured.Unstructured
	// Draining are the CronWorkflows that are being removed.
	Draining []*unstructured.Unstructured
	// Refused are planned objects whose name another owner uses, as the attempt to write
	// them has shown.
	Refused []*unstructured.Unstructured
	// Written has the resource version of what was written last, by the ID of the object.
	Written map[string]string
	// Started are the Workflows of the triggers that were to be started and exist.
	Started []*wfv1.Workflow
	// Certificate in use after the pass, nil where we issue none.
	Certificate *stanzaflowv1alpha1.CertificateStatus
	Failures    []Failure
	Changes     []Change
	// Wake is when to look at a Secret again, or to renew a certificate.
	Wake time.Time
}

// Change is a write that changed something.
type Change struct {
	// Reason is the reason of its event.
	Reason vocab.Reason
	Object *unstructured.Unstructured
	// By is the field manager whose change was undone, empty if none was.
	By string
}

// Failure of one action.
type Failure struct {
	// What was attempted: apply CronWorkflow a.
	What string
	Kind schema.GroupVersionKind
	Err  error
	// Minor: nothing depends on it, so it is only tried again.
	Minor bool
}

// Missing returns the software that is not installed and that the kind of the
// object needs, empty if the failure has another cause. Writing an object whose
// kind is no longer served fails with NotFound, and nothing else does: an object
// that we delete may be gone, and that is no failure.
func (f Failure) Missing() Software {
	if meta.IsNoMatchError(f.Err) || apierrors.IsNotFound(f.Err) {
		return KindOf(f.Kind).Needs
	}
	return ""
}

// Quiet reports an error that only says that another writer was faster, or that
// the namespace is being deleted. It is not shown; the next pass decides on what
// exists then.
func Quiet(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) ||
		apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

// Plain returns the text of an error for a status. The texts of the API server
// are stable; those of the network hold ports and addresses that change with
// each attempt.
func Plain(err error) string {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) && status.Status().Message != "" {
		return status.Status().Message
	}
	return "the API server did not answer"
}
