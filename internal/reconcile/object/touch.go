// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Touched returns when a Workflow was last touched, zero if never.
func Touched(workflow *wfv1.Workflow) time.Time {
	last, err := time.Parse(time.RFC3339, workflow.Annotations[vocab.AnnotationTouched])
	if err != nil {
		return time.Time{} // never, or somebody else wrote it
	}
	return last
}

// TouchOf returns the metadata that touches a Workflow. It names the version that
// was read: if Argo has changed the Workflow since, or we have touched it, the touch
// is a conflict.
func TouchOf(workflow *wfv1.Workflow, now time.Time) *unstructured.Unstructured {
	touch := versionOf(workflow)
	Annotate(touch, vocab.AnnotationTouched, now.UTC().Format(time.RFC3339))
	return touch
}

// versionOf is a merge patch that changes nothing, and applies only to the version of a
// Workflow that was read.
func versionOf(workflow *wfv1.Workflow) *unstructured.Unstructured {
	patch := New(Workflow)
	patch.SetNamespace(workflow.Namespace)
	patch.SetName(workflow.Name)
	patch.SetUID(workflow.UID)
	patch.SetResourceVersion(workflow.ResourceVersion)
	return patch
}

// touch merges metadata into a Workflow.
func (w *Writer) touch(ctx context.Context, touch *unstructured.Unstructured) {
	_, err := w.Patch(ctx, touch, types.MergePatchType, touch.Object)
	if apierrors.IsNotFound(err) {
		return // The run is gone.
	}
	if err != nil {
		w.FailOn("touch", touch, err)
		return
	}
	w.Tell(vocab.ReasonTouched, touch)
}
