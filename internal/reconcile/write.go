// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Recorder is the part of an events.EventRecorder that we use.
type Recorder interface {
	Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any)
}

// writeStatus writes the status, if it has changed. The write carries the
// resource version of what the status was made from: a Stanza that has changed
// since is a conflict, so that a late cache can never take a run back.
func (c *Controller) writeStatus(ctx context.Context, stanza *stanzaflowv1alpha1.Stanza, after stanzaflowv1alpha1.StanzaStatus) error {
	if equality.Semantic.DeepEqual(stanza.Status, after) {
		return nil
	}
	stanza = stanza.DeepCopy()
	stanza.Status = after
	if err := c.client.Status().Update(ctx, stanza, client.FieldOwner(vocab.FieldManager)); err != nil {
		return fmt.Errorf("cannot write the status of Stanza %s/%s: %w", stanza.Namespace, stanza.Name, err)
	}
	c.own.add(client.ObjectKeyFromObject(stanza), map[string]string{object.Stanza.Kind + " " + stanza.Name: stanza.ResourceVersion})
	return nil
}

// emit hands events to the recorder, for each object that they are about.
func (c *Controller) emit(state object.State, events []status.Event) {
	for _, e := range events {
		var objects []*corev1.ObjectReference
		if !e.Only {
			objects = append(objects, regarding(state))
		}
		if e.OnStanza && state.Stanza != nil {
			objects = append(objects, stanzaOf(state))
		}
		var related runtime.Object
		if e.Related != nil {
			e.Related.Namespace = state.Key.Namespace
			related = e.Related
		}
		for _, o := range objects {
			o.FieldPath = e.Field
			c.recorder.Eventf(o, related, e.Type, string(e.Reason), e.Action, "%s", report.OneLine(e.Note))
		}
	}
}

// stanzaOf refers to the Stanza.
func stanzaOf(state object.State) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: object.Stanza.GroupVersion().String(), Kind: object.Stanza.Kind,
		Namespace: state.Key.Namespace, Name: state.Key.Name, UID: state.Stanza.UID, ResourceVersion: state.Stanza.ResourceVersion,
	}
}

// regarding refers to the postgresql, also when it is gone.
func regarding(state object.State) *corev1.ObjectReference {
	ref := &corev1.ObjectReference{
		APIVersion: cpo.GroupVersionKind.GroupVersion().String(), Kind: cpo.GroupVersionKind.Kind,
		Namespace: state.Key.Namespace, Name: state.Key.Name,
	}
	if state.Postgresql != nil {
		ref.UID, ref.ResourceVersion = state.Postgresql.GetUID(), state.Postgresql.GetResourceVersion()
	}
	return ref
}
