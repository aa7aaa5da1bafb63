// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// suspendedByUser is why every schedule of the cluster is held.
const suspendedByUser = "suspended by spec.suspend of the Stanza"

// held says why no schedule of the cluster can make a backup now, as soon as the
// Stanza or the postgresql says so. It is empty when they can.
func (s State) held() string {
	switch {
	case s.suspend():
		return suspendedByUser
	case s.Postgresql == nil:
		return ""
	}
	cluster, _ := cpo.Decode(s.Postgresql.Object)
	return cluster.Operation.Held()
}

// heldByRun says why the last run of a schedule made no backup, if it was held:
// by the gate, an upgrade, a recovery. Nothing but the next run finds out whether
// that is over.
func heldByRun(entry stanzaflowv1alpha1.ScheduleStatus) string {
	last := lastFinished(entry)
	if last == nil || last.Result != stanzaflowv1alpha1.RunHeld {
		return ""
	}
	return "the last run was held: " + last.Message
}

// lastFinished is the newest run of a schedule that is over, nil without one.
func lastFinished(entry stanzaflowv1alpha1.ScheduleStatus) *stanzaflowv1alpha1.RunStatus {
	return outcome.History{LastRun: entry.LastRun, PreviousRun: entry.PreviousRun}.LastFinished()
}

// heldByCluster is what holds an entry together with all others, empty if nothing
// does.
func heldByCluster(entry stanzaflowv1alpha1.ScheduleStatus) string {
	if entry.Held == heldByRun(entry) {
		return ""
	}
	return entry.Held
}
