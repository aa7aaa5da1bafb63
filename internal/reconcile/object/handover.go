// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// AnnotationLastUsed is Argo's. It writes the schedule there at every slot, also if
// the CronWorkflow is suspended. So an empty value that stays empty means that Argo
// does not run.
const AnnotationLastUsed = "cronworkflows.argoproj.io/last-used-schedule"

const (
	pathUID      = "/metadata/uid"
	pathSuspend  = "/spec/suspend"
	pathDeadline = "/spec/startingDeadlineSeconds"
)

// hold suspends a CronWorkflow, and empties the annotation of Argo.
func (w *Writer) hold(ctx context.Context, cronWorkflow *unstructured.Unstructured) {
	have, err := w.Fresh(ctx, cronWorkflow)
	if err != nil || have == nil {
		w.FailOn("suspend", cronWorkflow, err)
		return
	}
	have, err = w.Patch(ctx, have, types.MergePatchType, map[string]any{
		FieldMetadata: map[string]any{"uid": have.GetUID(), "annotations": map[string]any{AnnotationLastUsed: ""}},
		FieldSpec:     map[string]any{fieldSuspend: true},
	})
	if err != nil {
		w.FailOn("suspend", cronWorkflow, err)
		return
	}
	w.Changed(vocab.ReasonUpdated, have)
}

// takeOver suspends a CronJob of CPO, if its CronWorkflow is in force. It makes one
// request: CPO reads a CronJob before it updates it, and every change between the
// two is a conflict that spoils its synchronization.
func (w *Writer) takeOver(ctx context.Context, action Action) {
	have, err := w.Fresh(ctx, action.Want)
	if err != nil || have == nil || Suspended(have) && !w.State.Suspended() {
		w.FailOn("suspend", action.Have, err)
		return
	}
	w.patchCronJob(ctx, action.Have, vocab.ReasonTakenOver, []Operation{
		{OpTest, pathUID, action.Have.GetUID()},
		{OpTest, pathSuspend, false},
		{OpReplace, pathSuspend, true},
	})
}

// giveBack resumes a CronJob of CPO, if no run of ours is in its way. It asks the
// API server itself, since a cache may be behind.
func (w *Writer) giveBack(ctx context.Context, action Action) {
	switch idle, err := w.idleNow(ctx, action.Want); {
	case err != nil:
		w.FailOn("resume", action.Have, err)
		return
	case !idle:
		return
	}
	patch := []Operation{
		{OpTest, pathUID, action.Have.GetUID()},
		{OpTest, pathSuspend, true},
		{OpReplace, pathSuspend, false},
	}
	switch {
	case action.Deadline > 0:
		patch = append(patch, Operation{OpAdd, pathDeadline, action.Deadline})
	case action.Lift:
		patch = append(patch, Operation{opRemove, pathDeadline, nil})
	}
	w.patchCronJob(ctx, action.Have, vocab.ReasonResumed, patch)
}

// idleNow reports whether a CronWorkflow starts no run and has none.
func (w *Writer) idleNow(ctx context.Context, cronWorkflow *unstructured.Unstructured) (bool, error) {
	have := New(CronWorkflow)
	err := w.Live.Get(ctx, client.ObjectKeyFromObject(cronWorkflow), have)
	switch {
	case gone(err):
		have = cronWorkflow
	case err != nil:
		return false, err
	case !Suspended(have):
		return false, nil
	}
	busy, err := w.busyNow(ctx, have)
	if gone(err) {
		return true, nil
	}
	return !busy, err
}

// gone reports that an object or its kind does not exist.
func gone(err error) bool { return apierrors.IsNotFound(err) || meta.IsNoMatchError(err) }

// liftDeadline removes the deadline that giveBack has set.
func (w *Writer) liftDeadline(ctx context.Context, action Action) {
	w.patchCronJob(ctx, action.Have, vocab.ReasonUpdated, []Operation{
		{OpTest, pathUID, action.Have.GetUID()},
		{OpTest, pathSuspend, false},
		{opRemove, pathDeadline, nil},
	})
}

// patchCronJob changes a CronJob of CPO. One that is another by now, or that has
// changed in the meantime, is left alone; the next pass decides on what it is then.
func (w *Writer) patchCronJob(ctx context.Context, cronJob *unstructured.Unstructured, reason vocab.Reason, patch []Operation) {
	patched, err := w.Patch(ctx, cronJob, types.JSONPatchType, patch)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsInvalid(err), apierrors.IsConflict(err):
	case err != nil:
		verb := "suspend"
		if reason != vocab.ReasonTakenOver {
			verb = "resume"
		}
		w.FailOn(verb, cronJob, err)
	default:
		w.Tell(reason, patched)
	}
}
