// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Pass is what the status of the drills is made of.
type Pass struct {
	State object.State
	// InForce are the CronWorkflows after the pass that are not being removed.
	InForce []*unstructured.Unstructured
	// Runs of the cluster, of every kind. They mean nothing while Argo is not installed.
	Runs []outcome.Run
	// Repos are the names of the repos in force, in their order. None means that they are not
	// known.
	Repos []string
	Now   time.Time
}

// Entries returns status.drills after a pass, in the order of the Stanza, and when to look
// again.
func Entries(before []stanzaflowv1alpha1.DrillStatus, p Pass) ([]stanzaflowv1alpha1.DrillStatus, time.Time) {
	if p.State.Stanza == nil {
		return nil, time.Time{}
	}
	known := make(map[string]stanzaflowv1alpha1.DrillStatus, len(before))
	for _, entry := range before {
		known[entry.Name] = entry
	}
	live := object.ByName(p.InForce)
	var after []stanzaflowv1alpha1.DrillStatus
	var wake time.Time
	seen := map[string]bool{}
	for _, d := range p.State.Stanza.Spec.Drills {
		if seen[d.Name] {
			continue // The Problem says it.
		}
		seen[d.Name] = true
		was := known[d.Name]
		entry := stanzaflowv1alpha1.DrillStatus{Name: d.Name}
		cronWorkflow := live[manifest.DrillName(p.State.Key.Name, d.Name)]
		describe(&entry, cronWorkflow, p.Now)
		p.fold(&entry, was)
		lookAgain := p.judge(&entry, was, cronWorkflow)
		wake = object.Earliest(object.Earliest(wake, lookAgain), p.pending(entry.Name))
		after = append(after, entry)
	}
	return after, wake
}

// pending is when to look again at a run of a drill whose pod has not started.
func (p Pass) pending(name string) time.Time {
	var wake time.Time
	for i := range p.Runs {
		if isDrill(&p.Runs[i], name) {
			wake = object.Earliest(wake, p.Runs[i].Wake)
		}
	}
	return wake
}

// describe says when a drill runs. Without a CronWorkflow it runs only by hand.
func describe(entry *stanzaflowv1alpha1.DrillStatus, cronWorkflow *unstructured.Unstructured, now time.Time) {
	if cronWorkflow == nil {
		return
	}
	entry.CronWorkflow, entry.Schedule, entry.TimeZone = cronWorkflow.GetName(), schedule.Asked(cronWorkflow), schedule.Zone(cronWorkflow)
	entry.EffectiveSchedule, entry.Offset = schedule.Effective(cronWorkflow)
	if next := schedule.TimetableOf(cronWorkflow).Next(now); !object.Suspended(cronWorkflow) && !next.IsZero() {
		entry.NextRunTime = new(metav1.NewTime(next.UTC()))
	}
}

// judge sets whether a drill is overdue, and returns when to look again. The cause does not
// matter: held, suspended, failed and never started are all not done. A drill that runs may
// still be good, unless it stands.
func (p Pass) judge(entry *stanzaflowv1alpha1.DrillStatus, was stanzaflowv1alpha1.DrillStatus, cronWorkflow *unstructured.Unstructured) time.Time {
	if cronWorkflow == nil {
		return time.Time{}
	}
	before := schedule.Judged{Schedule: was.Schedule, TimeZone: was.TimeZone, Offset: was.Offset, Since: was.InForceSince, Overdue: was.Overdue}
	entry.InForceSince = schedule.InForceSince(cronWorkflow, before)
	due, wake := schedule.DueSlot(cronWorkflow, before, entry.InForceSince, p.Now)
	running := entry.LastRun != nil && !over(entry.LastRun) && !p.stands(entry.LastRun.Workflow)
	// A drill since the user asked for the slot is what he asked for.
	proven := entry.LastProven != nil && !entry.LastProven.FinishTime.Time.Before(due.Add(-schedule.Offset(cronWorkflow)))
	entry.Overdue = !due.IsZero() && !running && !proven
	if entry.NextRunTime != nil {
		wake = object.Earliest(wake, entry.NextRunTime.Time)
	}
	return wake
}

// stands reports whether a run that is not over does nothing.
func (p Pass) stands(workflow string) bool {
	return slices.ContainsFunc(p.Runs, func(run outcome.Run) bool { return run.Status.Workflow == workflow && run.Stands() })
}

func over(run *stanzaflowv1alpha1.DrillRun) bool {
	return run.Result != stanzaflowv1alpha1.RunRunning
}

// isDrill reports whether a run is a drill that has the name of a drill of the Stanza, or
// none with an empty name.
func isDrill(run *outcome.Run, name string) bool {
	return run.Kind == vocab.RunDrill && run.Drill == name
}
