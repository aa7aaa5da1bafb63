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

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	archived = "Archived"
	// archiveTime is how long after its end a run is archived again. Argo deletes no
	// Workflow that waits for that, so one of a time whose archive is no longer there
	// would stay.
	archiveTime = 24 * time.Hour
)

// ShowOf returns the metadata with which Argo's lists show how a run is or has ended, nil
// if they do so already, or if there is nothing to show yet: the template says Running when
// Argo begins. It names the version that was read, so that what has changed since is a
// conflict.
//
// Argo archives a run at its end, without what is written later. So one that is archived
// already is set to be archived again. One whose turn has not come is not touched for
// that: Argo archives it again by itself when it changes.
func ShowOf(workflow *wfv1.Workflow, now time.Time) *unstructured.Unstructured {
	if workflow.Status.Phase == "" || workflow.DeletionTimestamp != nil || workflow.ResourceVersion == "" || workflow.Labels[vocab.LabelCluster] == "" {
		return nil
	}
	want := outcome.Show(workflow)
	if shown(workflow) == want {
		return nil
	}
	labels := map[string]any{vocab.LabelResult: string(want.Result)}
	if !outcome.Running(workflow) && workflow.Labels[vocab.LabelArchiving] == archived && now.Sub(workflow.Status.FinishedAt.Time) < archiveTime {
		labels[vocab.LabelArchiving] = vocab.ArchivingPending
	}
	var description any // nil removes it
	if want.Description != "" {
		description = want.Description
	}
	show := versionOf(workflow)
	metadata := show.Object[FieldMetadata].(map[string]any)
	metadata["labels"] = labels
	metadata["annotations"] = map[string]any{vocab.AnnotationDescription: description}
	return show
}

// shown is how a run is shown now.
func shown(workflow *wfv1.Workflow) outcome.Shown {
	return outcome.Shown{
		Result:      vocab.ShownResult(workflow.Labels[vocab.LabelResult]),
		Description: workflow.Annotations[vocab.AnnotationDescription],
	}
}

// show merges metadata into a Workflow, for people. Nothing depends on it.
func (w *Writer) show(ctx context.Context, show *unstructured.Unstructured) {
	_, err := w.Patch(ctx, show, types.MergePatchType, show.Object)
	if err == nil || apierrors.IsNotFound(err) {
		return // Shown, or the run is gone.
	}
	w.FailOn("show", show, err)
	w.Done.Failures[len(w.Done.Failures)-1].Minor = true
}
