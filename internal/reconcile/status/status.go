// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/alongside"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Pass is everything that a status is made of.
type Pass struct {
	State   object.State
	Plan    translate.Plan
	Actions []object.Action
	Done    object.Result
	// Runs of the cluster, of every kind. They mean nothing while Argo is not installed.
	Runs []outcome.Run
	// Triggers are status.triggers after the pass, and TriggersWake when to look at them
	// again.
	Triggers     []stanzaflowv1alpha1.TriggerStatus
	TriggersWake time.Time
	// Unproven says by the name of a repo why its first backup, or the first one after a
	// major upgrade, is not proven yet.
	Unproven map[string]string
	// Handovers are what is to be done about the CronJobs of CPO.
	Handovers []alongside.Handover
	Skew      Skew
	// Watch is what the watches of the namespace have found. Nil while the cluster is not
	// watched.
	Watch *Watch
	// Provisioner owns the configuration of the cluster.
	Provisioner vocab.Provisioner
	Now         time.Time
}

// Skew says how well the objects that are installed for the whole cluster fit the
// operator: the policies and the CRD of Stanza.
type Skew struct {
	// Wrong stops backups or reports, or will.
	Wrong []Finding
	// Notes stop nothing, and a person should know them.
	Notes []Finding
}

// Finding is one thing that is wrong or waited for.
type Finding struct {
	Reason  vocab.Reason
	Message string
}

// For returns the status after a pass, and when to look again.
func For(before stanzaflowv1alpha1.StanzaStatus, generation int64, p Pass) (stanzaflowv1alpha1.StanzaStatus, time.Time) {
	after := stanzaflowv1alpha1.StanzaStatus{ObservedGeneration: generation}
	runs := p.Runs
	var lookAgain time.Time
	after.Schedules, lookAgain = Schedules(before.Schedules, p, p.Done.InForce)
	after.Schedule = schedule.Summary(after.Schedules)
	history := outcome.History{LastRun: before.LastRun, LastBackup: before.LastBackup}
	if p.State.ArgoInstalled {
		history = history.Fold(runs)
	}
	after.LastRun, after.LastBackup = history.LastRun, history.LastBackup
	after.LastPredeploy = outcome.FoldPredeploy(before.LastPredeploy, runs)

	after.Repos, after.Triggers = Repos(before.Repos, p), p.Triggers
	drillWake := foldDrills(before, &after, p)
	lookAgain = object.Earliest(lookAgain, drillWake)
	for i := range runs {
		lookAgain = object.Earliest(lookAgain, runs[i].Wake)
	}
	watch := foldWatch(before, &after, p)
	after.OrphanedClaims = orphanedClaims(before.OrphanedClaims, p)
	after.Certificate = certificate(before.Certificate, p, runs)
	after.Configuration = configuration(before.Configuration, p)
	after.CronJobs = alongside.Status(p.Handovers)
	if p.State.Undecided != "" {
		after.CronJobs = before.CronJobs
	}

	for _, entry := range after.Schedules {
		if entry.NextRunTime != nil {
			after.NextRunTime = new(metav1.NewTime(object.Earliest(timeOf(after.NextRunTime), entry.NextRunTime.Time)))
		}
	}
	after.Conditions = stamp(before.Conditions, conditions(p, after, watch), generation, p.Now)
	wake := object.Earliest(object.Earliest(p.Wake(), lookAgain), certificateWake(after.Certificate, p.Now))
	return after, object.Earliest(wake, watch.Wake)
}

// Wake is when there is more to do for the actions of a pass, zero if there is
// nothing.
func (p Pass) Wake() time.Time {
	wake := object.Earliest(object.WakeAfter(p.Actions), alongside.Wake(p.Handovers))
	wake = object.Earliest(wake, p.State.Drill.Wake)
	return object.Earliest(object.Earliest(wake, p.State.Template.Wake), object.Earliest(p.Done.Wake, p.TriggersWake))
}

// Schedules returns status.schedules for the CronWorkflows in force, and when to look again.
func Schedules(before []stanzaflowv1alpha1.ScheduleStatus, p Pass, inForce []*unstructured.Unstructured) ([]stanzaflowv1alpha1.ScheduleStatus, time.Time) {
	return schedule.Entries(before, schedule.Pass{
		State: p.State, Plan: p.Plan, InForce: inForce, Runs: p.Runs, Now: p.Now, Elsewhere: elsewhere(p.Handovers),
	})
}

// stamp gives conditions their generation and the time of their last change.
func stamp(before, after []metav1.Condition, generation int64, now time.Time) []metav1.Condition {
	for i := range after {
		after[i].ObservedGeneration = generation
		after[i].LastTransitionTime = metav1.NewTime(now).Rfc3339Copy()
		for _, was := range before {
			if was.Type == after[i].Type && was.Status == after[i].Status {
				after[i].LastTransitionTime = was.LastTransitionTime
			}
		}
	}
	return after
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
