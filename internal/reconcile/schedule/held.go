// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// SuspendedByUser is why every schedule and every trigger of the cluster is held.
const SuspendedByUser = "suspended by spec.suspend of the Stanza"

// heldNow says why no schedule of the cluster can make a backup now, according to
// the Stanza and the postgresql. It is empty if they can.
func heldNow(state object.State) string {
	switch {
	case state.Suspended():
		return SuspendedByUser
	case state.Postgresql == nil:
		return ""
	}
	cluster, _ := cpo.Decode(state.Postgresql.Object)
	return cluster.Operation.Held()
}

// heldInArgo says that somebody has suspended a CronWorkflow in Argo. The operator resumes
// it; the text stays in the status only while it cannot.
func heldInArgo(cronWorkflow *unstructured.Unstructured) string {
	if cronWorkflow == nil || object.SuspendedBy(cronWorkflow) == "" {
		return ""
	}
	return "suspended by hand in Argo: " + object.ID(cronWorkflow) + ", which the operator could not resume"
}

// heldByRun says why the last run of a schedule made no backup, if it was held:
// by the gate, an upgrade, a recovery. Only the next run finds out whether that
// is over.
func heldByRun(entry stanzaflowv1alpha1.ScheduleStatus) string {
	last := LastFinished(entry)
	if last == nil || last.Result != stanzaflowv1alpha1.RunHeld {
		return ""
	}
	return "the last run was held: " + last.Message
}

// LastFinished is the newest finished run of a schedule, nil without one.
func LastFinished(entry stanzaflowv1alpha1.ScheduleStatus) *stanzaflowv1alpha1.RunStatus {
	return outcome.History{LastRun: entry.LastRun, PreviousRun: entry.PreviousRun}.LastFinished()
}

// HeldByCluster is what holds a schedule together with all others, empty if
// nothing does.
func HeldByCluster(entry stanzaflowv1alpha1.ScheduleStatus) string {
	if entry.Held == heldByRun(entry) {
		return ""
	}
	return entry.Held
}
