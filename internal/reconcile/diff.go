// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/alongside"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/drill"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/provision"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// observed is everything that one pass decides on.
type observed struct {
	State object.State
	// Issued is what is known of the certificates that we issue ourselves, nil
	// without any.
	Issued *provision.Issued
	// Handovers are what is to be done about the CronJobs of CPO.
	Handovers []alongside.Handover
	// Starts are the runs that triggers start.
	Starts []object.Action
}

// diff compares the planned objects with those that exist. It is pure, and
// returns the actions in the order in which they must be carried out.
func diff(by vocab.Provisioner, have observed, want object.Planned, now time.Time) []object.Action {
	actions := diffStanza(have.State, want.Plan)
	if by == vocab.ProvisionedByUs {
		actions = append(actions, provision.Diff(have.State, want, have.Issued)...)
	}
	actions = append(actions, schedule.Diff(have.State, want, now)...)
	actions = append(actions, schedule.DiffDrills(have.State, want, now)...)
	actions = append(actions, drill.Diff(have.State, want)...)
	actions = append(actions, alongside.Actions(have.Handovers)...)
	actions = append(actions, have.Starts...)
	actions = append(actions, diffRuns(have.State, now)...)
	actions = append(actions, diffShown(have.State, now)...)
	if by == vocab.ProvisionedByUs {
		actions = append(actions, provision.KeepUnplanned(have.State, want)...)
	}
	object.Order(actions)
	return actions
}

// diffStanza creates the Stanza of a cluster that has something to do with
// backups, and deletes the one that we created after everything in it. A Stanza
// with a spec is the user's, whoever created it: kubectl apply of a Stanza onto
// ours keeps our label.
func diffStanza(state object.State, plan translate.Plan) []object.Action {
	switch {
	case state.Postgresql != nil:
		if state.Stanza == nil && NeedsStanza(state.Postgresql, plan) {
			return []object.Action{{Verb: object.CreateStanza}}
		}
	case state.Stanza == nil, state.Stanza.Labels[vocab.LabelManagedBy] != vocab.ManagedBy, hasSpec(state.Stanza):
	case len(state.Objects[object.CronWorkflow]) == 0 && len(state.Objects[object.Claim]) == 0 && !anyRunning(state.Workflows):
		// Its status lists the claims that are left, so it outlives them.
		return []object.Action{{Verb: object.DeleteStanza}}
	}
	return nil
}

// NeedsStanza reports whether a cluster has something to do with backups: it asks
// for them, or it has Problems that its Stanza must show.
func NeedsStanza(postgresql *unstructured.Unstructured, plan translate.Plan) bool {
	_, section, _ := unstructured.NestedFieldNoCopy(postgresql.Object, object.FieldSpec, "backup", "pgbackrest")
	return section || len(plan.Problems) > 0
}

func anyRunning(workflows []*wfv1.Workflow) bool {
	return slices.ContainsFunc(workflows, outcome.Running)
}

// hasSpec reports whether a user has written in a Stanza.
func hasSpec(stanza *stanzaflowv1alpha1.Stanza) bool {
	return !equality.Semantic.DeepEqual(stanza.Spec, stanzaflowv1alpha1.StanzaSpec{})
}
