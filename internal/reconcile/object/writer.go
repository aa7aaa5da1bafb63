// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Act carries out one action.
type Act func(ctx context.Context, w *Writer, action Action)

// Writer carries out the actions of one pass. Acts of other rooms write with it.
type Writer struct {
	Client client.Client
	// Live reads from the API server, before something is written.
	Live  client.Reader
	State State
	// Done is what has been done so far.
	Done Result
	// known has the objects by ID, as far as they are known after each action.
	known map[string]*unstructured.Unstructured
}

// acts are the acts of this room.
func acts() map[Verb]Act {
	leave := func(context.Context, *Writer, Action) {}
	return map[Verb]Act{
		CreateStanza: func(ctx context.Context, w *Writer, _ Action) { w.createStanza(ctx) },
		Create:       func(ctx context.Context, w *Writer, a Action) { w.create(ctx, a.Want) },
		Update:       func(ctx context.Context, w *Writer, a Action) { w.update(ctx, a) },
		Suspend:      func(ctx context.Context, w *Writer, a Action) { w.suspend(ctx, a) },
		Resume:       func(ctx context.Context, w *Writer, a Action) { w.suspend(ctx, a) },
		Retire:       func(ctx context.Context, w *Writer, a Action) { w.suspend(ctx, a) },
		Drain:        func(_ context.Context, w *Writer, a Action) { w.drain(a.Have) },
		Delete:       func(ctx context.Context, w *Writer, a Action) { w.delete(ctx, a.Have) },
		DeleteStanza: func(ctx context.Context, w *Writer, _ Action) { w.deleteStanza(ctx) },
		Hold:         func(ctx context.Context, w *Writer, a Action) { w.hold(ctx, a.Have) },
		TakeOver:     func(ctx context.Context, w *Writer, a Action) { w.takeOver(ctx, a) },
		GiveBack:     func(ctx context.Context, w *Writer, a Action) { w.giveBack(ctx, a) },
		LiftDeadline: func(ctx context.Context, w *Writer, a Action) { w.liftDeadline(ctx, a) },
		Start:        func(ctx context.Context, w *Writer, a Action) { w.start(ctx, a.Want) },
		Touch:        func(ctx context.Context, w *Writer, a Action) { w.touch(ctx, a.Want) },
		Show:         func(ctx context.Context, w *Writer, a Action) { w.show(ctx, a.Want) },
		Keep:         leave,
		Refuse:       leave,
		Block:        leave,
		Mismatch:     leave,
		Await:        leave,
	}
}

// Apply carries out ordered actions, one after the other. More are the acts of
// other rooms, by verb. A failed action stops no other.
func Apply(ctx context.Context, w Writer, actions []Action, more map[Verb]Act) Result {
	w.Done.Stanza = w.State.Stanza
	w.known = map[string]*unstructured.Unstructured{}
	for _, objects := range w.State.Objects {
		for _, object := range objects {
			w.known[ID(object)] = object
		}
	}
	all := acts()
	maps.Copy(all, more)
	for _, action := range actions {
		act, ok := all[action.Verb]
		if !ok {
			panic("nothing carries out the verb " + string(action.Verb))
		}
		act(ctx, &w, action)
	}
	for _, object := range w.known {
		if object.GroupVersionKind() == CronWorkflow {
			w.Done.InForce = append(w.Done.InForce, object)
		}
	}
	sortByName(w.Done.InForce)
	sortByName(w.Done.Draining)
	return w.Done
}

// Fail records that an action failed, unless err is nil.
func (w *Writer) Fail(verb string, kind schema.GroupVersionKind, name string, err error) {
	if err != nil {
		w.Done.Failures = append(w.Done.Failures, Failure{What: verb + " " + kind.Kind + " " + name, Kind: kind, Err: err})
	}
}

// FailOn is Fail for an object.
func (w *Writer) FailOn(verb string, object *unstructured.Unstructured, err error) {
	w.Fail(verb, object.GroupVersionKind(), object.GetName(), err)
}

// Changed records that a write has changed an object into this one.
func (w *Writer) Changed(reason vocab.Reason, object *unstructured.Unstructured) {
	w.know(object)
	w.Tell(reason, object)
}

// resumed records that a CronWorkflow is in force again that somebody else has suspended.
func (w *Writer) resumed(by string, is *unstructured.Unstructured) {
	if by != "" && !Suspended(is) {
		w.Done.Changes = append(w.Done.Changes, Change{Reason: vocab.ReasonResumed, Object: is, By: by})
	}
}

// Tell records a change of an object whose content the writer does not know.
func (w *Writer) Tell(reason vocab.Reason, object *unstructured.Unstructured) {
	w.Done.Changes = append(w.Done.Changes, Change{Reason: reason, Object: object})
}

// Fresh reads an object of ours again. It returns nil if the object is gone or
// belongs to another owner now; the next pass sees that too.
func (w *Writer) Fresh(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	have := New(object.GroupVersionKind())
	err := w.Live.Get(ctx, client.ObjectKeyFromObject(object), have)
	if apierrors.IsNotFound(err) || err == nil && !Owned(have, w.State.Key.Name) {
		w.forget(object)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return have, nil
}

// Patch patches an object and returns it as the API server has it afterwards.
func (w *Writer) Patch(ctx context.Context, object *unstructured.Unstructured, kind types.PatchType, body any) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the patch: %w", err)
	}
	patched := object.DeepCopy()
	if err := w.Client.Patch(ctx, patched, client.RawPatch(kind, data), client.FieldOwner(vocab.FieldManager)); err != nil {
		return nil, err
	}
	w.written(patched)
	return patched, nil
}

// Operation is one operation of a JSON patch.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Operations of a JSON patch.
const (
	OpTest    = "test"
	OpAdd     = "add"
	OpReplace = "replace"
	opRemove  = "remove"
)

// written records the version of an object that we have written and that a cache is to
// hold.
func (w *Writer) written(object *unstructured.Unstructured) {
	if !KindOf(object.GroupVersionKind()).Watched {
		return
	}
	if w.Done.Written == nil {
		w.Done.Written = map[string]string{}
	}
	w.Done.Written[ID(object)] = object.GetResourceVersion()
}

func (w *Writer) know(object *unstructured.Unstructured) { w.known[ID(object)] = object }
func (w *Writer) forget(object *unstructured.Unstructured) {
	delete(w.known, ID(object))
	delete(w.Done.Written, ID(object))
}
