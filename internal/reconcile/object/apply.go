// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// createStanza creates and does not apply: an existing one is the user's, or the one
// that we just made and the cache does not hold yet.
func (w *Writer) createStanza(ctx context.Context) {
	stanza := translate.DefaultStanza(cpo.Postgresql{Namespace: w.State.Key.Namespace, Name: w.State.Key.Name})
	err := w.Client.Create(ctx, &stanza, client.FieldOwner(vocab.FieldManager))
	if apierrors.IsAlreadyExists(err) {
		err = w.Live.Get(ctx, w.State.Key, &stanza)
	}
	if err != nil {
		w.Fail("create", Stanza, w.State.Key.Name, err)
		return
	}
	w.Done.Stanza = &stanza
	w.Done.Written = map[string]string{Stanza.Kind + " " + stanza.Name: stanza.ResourceVersion}
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

// neverVersion is a resource version that no object has. An apply with it creates, and
// is a conflict with whatever is there: the API server itself says whether the name is
// free, and nobody has to ask first.
const neverVersion = "1"

// create makes an object whose name is free. If it is not, and the object belongs to
// another owner, that is Refused; if it is ours, the cache is late, and the next pass
// compares it.
func (w *Writer) create(ctx context.Context, want *unstructured.Unstructured) {
	only := want.DeepCopy()
	only.SetResourceVersion(neverVersion)
	object, err := w.apply(ctx, only)
	if err == nil {
		w.Changed(vocab.ReasonCreated, object)
		return
	}
	if apierrors.IsConflict(err) {
		there := New(want.GroupVersionKind())
		switch getErr := w.Live.Get(ctx, client.ObjectKeyFromObject(want), there); {
		case getErr == nil && Owned(there, w.State.Key.Name):
			w.know(there)
		case getErr == nil:
			w.Done.Refused = append(w.Done.Refused, want)
			return
		case !apierrors.IsNotFound(getErr): // It is gone again.
			err = getErr
		}
	}
	w.FailOn("apply", want, err)
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
	w.written(object)
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
