// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// createStanza creates and does not apply: an existing one is the user's. It
// looks again first, because the cache may not hold the one that we just made.
func (w *Writer) createStanza(ctx context.Context) {
	there := &stanzaflowv1alpha1.Stanza{}
	switch err := w.Live.Get(ctx, w.State.Key, there); {
	case err == nil:
		w.Done.Stanza = there
		return
	case !apierrors.IsNotFound(err):
		w.Fail("create", Stanza, w.State.Key.Name, err)
		return
	}
	stanza := translate.DefaultStanza(cpo.Postgresql{Namespace: w.State.Key.Namespace, Name: w.State.Key.Name})
	if err := w.Client.Create(ctx, &stanza, client.FieldOwner(vocab.FieldManager)); err != nil {
		w.Fail("create", Stanza, stanza.Name, err)
		return
	}
	w.Done.Stanza = &stanza
}

// deleteStanza deletes the Stanza that was read and no later version of it: a
// user may have written in it since.
func (w *Writer) deleteStanza(ctx context.Context) {
	stanza := w.State.Stanza
	err := w.Client.Delete(ctx, stanza, client.Preconditions{UID: &stanza.UID, ResourceVersion: &stanza.ResourceVersion})
	if err != nil && !apierrors.IsNotFound(err) {
		w.Fail("delete", Stanza, stanza.Name, err)
		return
	}
	w.Done.Stanza = nil
}

// create applies without force: an object of that name that appeared since we
// looked belongs to another owner, and is a conflict.
func (w *Writer) create(ctx context.Context, want *unstructured.Unstructured) {
	object, err := w.apply(ctx, want)
	if err != nil {
		w.FailOn("apply", want, err)
		return
	}
	w.Changed(vocab.ReasonCreated, object)
}

// update looks again first: the cache may be behind our own last write, and the
// object may have another owner by now.
func (w *Writer) update(ctx context.Context, action Action) {
	have, err := w.Fresh(ctx, action.Have)
	if err != nil || have == nil {
		w.FailOn("apply", action.Want, err)
		return
	}
	w.know(have)
	if !Differs(action.Want, have) {
		return
	}
	want := action.Want.DeepCopy()
	// The precondition that it is still the object that we looked at.
	want.SetUID(have.GetUID())
	object, err := w.apply(ctx, want, client.ForceOwnership)
	if err == nil && KindOf(want.GroupVersionKind()).Ownership == Whole && Differs(action.Want, object) {
		object, err = w.replace(ctx, action.Want, object)
	}
	if err != nil {
		w.FailOn("apply", action.Want, err)
		return
	}
	if object.GetResourceVersion() == have.GetResourceVersion() {
		w.know(object)
		return
	}
	w.Changed(vocab.ReasonUpdated, object)
	w.resumed(SuspendedBy(have), object)
}

// apply returns the object as the API server has it afterwards.
func (w *Writer) apply(ctx context.Context, want *unstructured.Unstructured, options ...client.ApplyOption) (*unstructured.Unstructured, error) {
	object := want.DeepCopy()
	options = append(options, client.FieldOwner(vocab.FieldManager))
	if err := w.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), options...); err != nil {
		return nil, err
	}
	return object, nil
}

// replace removes what others added inside our fields. Server-side apply leaves
// that alone wherever the schema of the CRD goes into detail, so without this
// every pass would apply, change nothing and find the same difference.
func (w *Writer) replace(ctx context.Context, want, have *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	patch := []Operation{{OpTest, "/metadata/uid", have.GetUID()}}
	for _, field := range KindOf(want.GroupVersionKind()).Payload {
		switch {
		case want.Object[field] != nil:
			patch = append(patch, Operation{OpAdd, "/" + field, want.Object[field]})
		case have.Object[field] != nil:
			patch = append(patch, Operation{opRemove, "/" + field, nil})
		}
	}
	return w.Patch(ctx, have, types.JSONPatchType, patch)
}
