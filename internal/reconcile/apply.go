// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// result is what became of the actions.
type result struct {
	// Stanza as it is now, nil if there is none.
	Stanza *stanzaflowv1alpha1.Stanza
	// InForce are the CronWorkflows that Argo runs or, suspended by the user,
	// holds: everything that is there and not on its way out.
	InForce []*unstructured.Unstructured
	// Draining are the CronWorkflows on their way out.
	Draining []*unstructured.Unstructured
	// Refused are planned Secrets whose name is not ours to use.
	Refused []*unstructured.Unstructured
	// Certificate that is in use after the pass, nil where we issue none.
	Certificate *stanzaflowv1alpha1.CertificateStatus
	Failures    []failure
	Events      []notice
	// Wake is when a Secret must be looked at, or a certificate be renewed.
	Wake time.Time
}

// failure of one action. It stops no other.
type failure struct {
	// What was attempted: apply CronWorkflow a.
	What string
	// Kind of the object.
	Kind string
	Err  error
}

func (f failure) Error() string { return "cannot " + f.What + ": " + f.Err.Error() }
func (f failure) Unwrap() error { return f.Err }

// argoMissing: the kind was served when we last looked and is not now.
func (f failure) argoMissing() bool { return f.Kind == cronWorkflowKind.Kind && notServed(f.Err) }

// certManagerMissing: its kind is not served.
func (f failure) certManagerMissing() bool { return f.Kind == certificateKind.Kind && notServed(f.Err) }

// apply writes. The order matters where a crash could hurt: what a run needs is
// written before what starts it, and what tells of a run is removed after.
func (c *Controller) apply(ctx context.Context, state State, todo actions, now time.Time) result {
	a := &application{Controller: c, state: state, now: now, inForce: byName(state.CronWorkflows)}
	a.done.Stanza = state.Stanza
	if todo.CreateStanza {
		a.createStanza(ctx)
	}
	if todo.Certificate != nil {
		a.certificate(ctx, *todo.Certificate)
	}
	for _, task := range todo.Secrets {
		a.secret(ctx, task)
	}
	for _, change := range todo.Grow {
		a.grow(ctx, change)
	}
	for _, want := range todo.Create {
		a.create(ctx, want)
	}
	for _, change := range todo.Update {
		a.update(ctx, change)
	}
	for _, s := range todo.Suspend {
		a.suspend(ctx, s)
	}
	for _, have := range todo.Drain {
		a.draining(have)
	}
	for _, have := range todo.Delete {
		a.delete(ctx, have)
	}
	if todo.DeleteStanza {
		a.deleteStanza(ctx)
	}
	for _, object := range a.inForce {
		a.done.InForce = append(a.done.InForce, object)
	}
	sortByName(a.done.InForce)
	sortByName(a.done.Draining)
	return a.done
}

// application is one call of apply.
type application struct {
	*Controller
	state State
	now   time.Time
	done  result
	// inForce by name, as far as it is known after each action.
	inForce map[string]*unstructured.Unstructured
}

func (a *application) fail(verb, kind, name string, err error) {
	if err != nil {
		a.done.Failures = append(a.done.Failures, failure{What: verb + " " + kind + " " + name, Kind: kind, Err: err})
	}
}

func (a *application) failOn(verb string, object *unstructured.Unstructured, err error) {
	a.fail(verb, object.GetKind(), object.GetName(), err)
}

// createStanza creates and does not apply: what is there is the user's. It looks
// again first, because the cache may not hold the one that we just made.
func (a *application) createStanza(ctx context.Context) {
	there := &stanzaflowv1alpha1.Stanza{}
	switch err := a.live.Get(ctx, a.state.Key, there); {
	case err == nil:
		a.done.Stanza = there
		return
	case !apierrors.IsNotFound(err):
		a.fail("create", stanzaKind.Kind, a.state.Key.Name, err)
		return
	}
	stanza := translate.DefaultStanza(cpo.Postgresql{Namespace: a.state.Key.Namespace, Name: a.state.Key.Name})
	if err := a.client.Create(ctx, &stanza, client.FieldOwner(vocab.FieldManager)); err != nil {
		a.fail("create", stanzaKind.Kind, stanza.Name, err)
		return
	}
	a.done.Stanza = &stanza
}

// deleteStanza deletes the Stanza that was seen and no later version of it: a
// user may have written in it since.
func (a *application) deleteStanza(ctx context.Context) {
	stanza := a.state.Stanza
	err := a.client.Delete(ctx, stanza, client.Preconditions{UID: &stanza.UID, ResourceVersion: &stanza.ResourceVersion})
	if err != nil && !apierrors.IsNotFound(err) {
		a.fail("delete", stanzaKind.Kind, stanza.Name, err)
		return
	}
	a.done.Stanza = nil
}

// create applies without force: an object of that name that turned up since we
// looked belongs to somebody, and is a conflict.
func (a *application) create(ctx context.Context, want *unstructured.Unstructured) {
	object, err := a.applyObject(ctx, want)
	if err != nil {
		a.failOn("apply", want, err)
		return
	}
	a.changed(vocab.ReasonCreated, object)
}

// update looks again first: the cache may be behind our own last write, and the
// object may be somebody else's by now.
func (a *application) update(ctx context.Context, todo change) {
	have, err := a.fresh(ctx, todo.Have)
	if err != nil || have == nil {
		a.failOn("apply", todo.Want, err)
		return
	}
	a.setInForce(have)
	if !differs(todo.Want, have) {
		return
	}
	want := todo.Want.DeepCopy()
	// The precondition that it is still the object that we looked at.
	want.SetUID(have.GetUID())
	object, err := a.applyObject(ctx, want, client.ForceOwnership)
	if err == nil && !partly(want) && differs(todo.Want, object) {
		object, err = a.replace(ctx, todo.Want, object)
	}
	if err != nil {
		a.failOn("apply", todo.Want, err)
		return
	}
	if object.GetResourceVersion() == have.GetResourceVersion() {
		a.setInForce(object)
		return
	}
	a.changed(vocab.ReasonUpdated, object)
}

// applyObject gives the object as the API server has it afterwards.
func (a *application) applyObject(ctx context.Context, want *unstructured.Unstructured, options ...client.ApplyOption) (*unstructured.Unstructured, error) {
	object := want.DeepCopy()
	options = append(options, client.FieldOwner(vocab.FieldManager))
	if err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), options...); err != nil {
		return nil, err
	}
	return object, nil
}

// operation of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

const (
	opTest   = "test"
	opAdd    = "add"
	opRemove = "remove"
)

// replace removes what somebody else added inside our fields. Server-side apply
// leaves that alone wherever the schema of the CRD goes into detail, so without
// this every pass would apply, change nothing and find the same difference.
func (a *application) replace(ctx context.Context, want, have *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	patch := []operation{{opTest, "/metadata/uid", have.GetUID()}}
	for _, field := range payloadFields(want) {
		switch {
		case want.Object[field] != nil:
			patch = append(patch, operation{opAdd, "/" + field, want.Object[field]})
		case have.Object[field] != nil:
			patch = append(patch, operation{opRemove, "/" + field, nil})
		}
	}
	return a.patch(ctx, have, types.JSONPatchType, patch)
}

// suspend patches one field. Our next apply sends the field too, so it takes
// nothing to undo it.
func (a *application) suspend(ctx context.Context, todo suspension) {
	have, err := a.setSuspend(ctx, todo)
	if err != nil {
		a.failOn("suspend", todo.Object, err)
		have = todo.Object
	}
	if todo.Drain && have != nil {
		a.draining(have)
	}
}

// setSuspend gives the object afterwards, nil when it has gone.
func (a *application) setSuspend(ctx context.Context, todo suspension) (*unstructured.Unstructured, error) {
	have, err := a.fresh(ctx, todo.Object)
	if err != nil || have == nil {
		return nil, err
	}
	if suspended(have) == todo.Value {
		a.setInForce(have)
		return have, nil
	}
	have, err = a.patch(ctx, have, types.MergePatchType, map[string]any{
		fieldMetadata: map[string]any{"uid": have.GetUID()},
		fieldSpec:     map[string]any{"suspend": todo.Value},
	})
	switch {
	case err != nil:
	case todo.Drain:
		a.done.Events = append(a.done.Events, drainingEvent(have))
	default:
		a.changed(vocab.ReasonUpdated, have)
	}
	return have, err
}

// delete asks the API server itself for runs before it deletes a CronWorkflow:
// a cache that is behind would cost a backup. What was seen is deleted,
// suspended as it was, and nothing newer.
func (a *application) delete(ctx context.Context, have *unstructured.Unstructured) {
	switch busy, err := a.busyNow(ctx, have); {
	case err != nil:
		a.draining(have)
		a.failOn("delete", have, err)
		return
	case busy:
		a.draining(have)
		return
	}
	delete(a.inForce, have.GetName())
	uid, version := have.GetUID(), have.GetResourceVersion()
	err := a.client.Delete(ctx, have, client.Preconditions{UID: &uid, ResourceVersion: &version},
		client.PropagationPolicy(metav1.DeletePropagationBackground))
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		a.failOn("delete", have, err)
		a.draining(have)
	default:
		a.done.Events = append(a.done.Events, changeEvent(vocab.ReasonDeleted, have))
	}
}

func (a *application) busyNow(ctx context.Context, cronWorkflow *unstructured.Unstructured) (bool, error) {
	objects, err := list(ctx, a.live, workflowKind, a.state.Key.Namespace, client.MatchingLabels{vocab.LabelCluster: a.state.Key.Name})
	if err != nil {
		return false, err
	}
	var workflows []*wfv1.Workflow
	for _, object := range objects {
		workflows = append(workflows, workflowOf(object))
	}
	return busy(workflows, cronWorkflow), nil
}

// fresh reads an object of ours again. It is nil when it has gone, or has
// become somebody else's; the next pass sees that too.
func (a *application) fresh(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	have := newObject(object.GroupVersionKind())
	err := a.live.Get(ctx, client.ObjectKeyFromObject(object), have)
	if apierrors.IsNotFound(err) || err == nil && !ours(have, a.state.Key.Name) {
		delete(a.inForce, object.GetName())
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return have, nil
}

func (a *application) patch(ctx context.Context, object *unstructured.Unstructured, kind types.PatchType, body any) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the patch: %w", err)
	}
	patched := object.DeepCopy()
	if err := a.client.Patch(ctx, patched, client.RawPatch(kind, data), client.FieldOwner(vocab.FieldManager)); err != nil {
		return nil, err
	}
	return patched, nil
}

func (a *application) changed(reason string, object *unstructured.Unstructured) {
	a.setInForce(object)
	a.done.Events = append(a.done.Events, changeEvent(reason, object))
}

func (a *application) setInForce(object *unstructured.Unstructured) {
	if object.GetKind() == cronWorkflowKind.Kind {
		a.inForce[object.GetName()] = object
	}
}

func (a *application) draining(cronWorkflow *unstructured.Unstructured) {
	delete(a.inForce, cronWorkflow.GetName())
	a.done.Draining = append(a.done.Draining, cronWorkflow)
}
