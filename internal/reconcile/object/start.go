// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// StartOf is the action that starts a run. The Workflow is thin: arguments for a
// WorkflowTemplate.
func StartOf(workflow *wfv1.Workflow) (Action, error) {
	want, err := Encode(workflow)
	return Action{Verb: Start, Want: want}, err
}

// start creates a Workflow whose name says for what. It looks first whether the
// Stanza is still the one from which the pass decided: with a late cache, the run may
// have been started, recorded and deleted since. Where the name exists, the run was
// started already, and is recorded now.
func (w *Writer) start(ctx context.Context, want *unstructured.Unstructured) {
	there := &stanzaflowv1alpha1.Stanza{}
	err := w.Live.Get(ctx, w.State.Key, there)
	if apierrors.IsNotFound(err) || err == nil && (w.State.Stanza == nil || there.ResourceVersion != w.State.Stanza.ResourceVersion) {
		return // The next pass decides on what exists then.
	}
	if err != nil {
		w.FailOn("start", want, err)
		return
	}
	run := want.DeepCopy()
	err = w.Client.Create(ctx, run, client.FieldOwner(vocab.FieldManager))
	if apierrors.IsAlreadyExists(err) {
		err = w.Live.Get(ctx, client.ObjectKeyFromObject(want), run)
	} else if err == nil {
		w.Tell(vocab.ReasonStarted, run)
	}
	if err != nil {
		w.FailOn("start", want, err)
		return
	}
	w.Done.Started = append(w.Done.Started, DecodeWorkflow(run))
}
