// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Argo garbage-collects the Workflows of a CronWorkflow with it, and the pods of
// a Workflow with that: deleting a CronWorkflow kills a running backup. So
//
//	in force ─▶ suspended ─▶ no run of it, and no moment ago due ─▶ deleted
//
// Only the objects themselves hold the place in that line, so a crash between
// any two of its steps changes nothing.

// suspend patches one field. Our next apply sends the field too, so the change
// needs no undoing.
func (w *Writer) suspend(ctx context.Context, action Action) {
	have, err := w.setSuspend(ctx, action)
	if err != nil {
		w.FailOn("suspend", action.Have, err)
		have = action.Have
	}
	if action.Verb == Retire && have != nil {
		w.drain(have)
	}
}

// setSuspend returns the object afterwards, nil if it is gone.
func (w *Writer) setSuspend(ctx context.Context, action Action) (*unstructured.Unstructured, error) {
	value := action.Verb != Resume
	have, err := w.Fresh(ctx, action.Have)
	if err != nil || have == nil {
		return nil, err
	}
	if Suspended(have) == value {
		w.know(have)
		return have, nil
	}
	by := SuspendedBy(have)
	have, err = w.Patch(ctx, have, types.MergePatchType, map[string]any{
		FieldMetadata: map[string]any{"uid": have.GetUID()},
		FieldSpec:     map[string]any{fieldSuspend: value},
	})
	switch {
	case err != nil:
	case action.Verb == Retire:
		w.Tell(vocab.ReasonDraining, have)
	case by != "":
		w.know(have)
		w.resumed(by, have)
	default:
		w.Changed(vocab.ReasonUpdated, have)
	}
	return have, err
}

// delete asks the API server itself for runs before it deletes a CronWorkflow:
// a cache that is behind would cost a backup. It deletes the version that was
// read, which was suspended, and nothing newer.
func (w *Writer) delete(ctx context.Context, have *unstructured.Unstructured) {
	switch busy, err := w.busyNow(ctx, have); {
	case err != nil:
		w.drain(have)
		w.FailOn("delete", have, err)
		return
	case busy:
		w.drain(have)
		return
	}
	w.forget(have)
	uid, version := have.GetUID(), have.GetResourceVersion()
	err := w.Client.Delete(ctx, have, client.Preconditions{UID: &uid, ResourceVersion: &version},
		client.PropagationPolicy(metav1.DeletePropagationBackground))
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		w.FailOn("delete", have, err)
		w.drain(have)
	default:
		w.Tell(vocab.ReasonDeleted, have)
	}
}

func (w *Writer) busyNow(ctx context.Context, cronWorkflow *unstructured.Unstructured) (bool, error) {
	objects, err := List(ctx, w.Live, Workflow, w.State.Key.Namespace, client.MatchingLabels{vocab.LabelCluster: w.State.Key.Name})
	if err != nil {
		return false, err
	}
	return Busy(DecodeWorkflows(objects), cronWorkflow), nil
}

// drain records that a CronWorkflow is being removed.
func (w *Writer) drain(cronWorkflow *unstructured.Unstructured) {
	w.forget(cronWorkflow)
	w.Done.Draining = append(w.Done.Draining, cronWorkflow)
}

// List reads the objects of a kind in a namespace, sorted by name.
func List(ctx context.Context, reader client.Reader, kind schema.GroupVersionKind, namespace string, labels client.MatchingLabels) ([]*unstructured.Unstructured, error) {
	found := NewList(kind)
	if err := reader.List(ctx, found, client.InNamespace(namespace), labels); err != nil {
		return nil, fmt.Errorf("cannot list %ss in %s: %w", kind.Kind, namespace, err)
	}
	objects := make([]*unstructured.Unstructured, 0, len(found.Items))
	for i := range found.Items {
		objects = append(objects, &found.Items[i])
	}
	sortByName(objects)
	return objects, nil
}
