// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"cmp"
	"slices"
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// overdueLast is the longest pause between two attempts to make an overdue backup. It is
	// shorter than that of a first run: the schedules are in force, so the store has worked.
	overdueLast = time.Hour
	// soon is when the next run of the schedule itself is about to start.
	soon = 10 * time.Minute
	// argoPatience is how long a cause waits for an Argo that would make up for a slot.
	// Whatever keeps it from that for longer, a second run costs less than no backup.
	argoPatience = 12 * time.Hour
)

// overdue decides about the overdue schedules of a repo. Like a first run it is not done when
// its run is started, but when the backup is proven, whoever has made it. A cluster that was
// never overdue has no entry.
func (d *decider) overdue(o plan.Overdue) {
	e := d.read(o.Name())
	running := d.running(e, o.Repo)
	late, held := d.late(o.Repo)
	switch {
	case d.repo(o.Repo) == nil: // not in the status yet
	case running != "":
		// No schedule is overdue while its run may still make the backup. So nothing that is
		// called overdue now says whether the attempts are over.
		e.wait("run " + running)
	case late != nil:
		d.want(e, []string{late.Type + " backup is overdue"})
		d.startLate(e, *late)
	case held:
		// When that ends, Argo makes up for what it has missed, and may need a moment for it. So
		// a cause is pending again from then on.
		e.Pending = nil
	default:
		d.satisfied(e, "no schedule of "+o.Repo+" is overdue any more")
	}
	if e.Pending != nil || e.Workflow != "" {
		d.add(e)
	}
}

// wait says what pending causes wait for.
func (e *entry) wait(what string) {
	if e.Pending != nil {
		e.Message = "waits for " + what
	}
}

// startLate starts the run, unless another one may make the backup first.
func (d *decider) startLate(e *entry, late stanzaflowv1alpha1.ScheduleStatus) {
	if e.Pending == nil {
		return
	}
	if next := late.NextRunTime; next != nil && next.Sub(d.in.Now) < soon {
		e.wait(slot(next.Time))
		d.wake(next.Time)
		return
	}
	if owed, is := d.in.Owed[late.CronWorkflow]; is {
		until := owed.Until
		if patience := e.Pending.Since.Add(argoPatience); owed.MakesUp && patience.After(until) {
			until = patience
		}
		if d.in.Now.Before(until) {
			e.wait(slot(owed.Slot))
			d.wake(until)
			return
		}
	}
	if first := d.first(late.Repo); first != "" {
		e.wait(first)
		return
	}
	d.start(e, terms{
		repo: late.Repo, backupType: late.Type, value: vocab.TriggerOverdue, kind: vocab.RunBackup, attempts: e.Attempts, longest: overdueLast,
		overdue: d.overdueFor(late),
	})
}

// slot is the run of a schedule that is still to come.
func slot(at time.Time) string {
	return "the run of the schedule at " + at.UTC().Format(time.RFC3339)
}

// overdueFor is how long a backup has been due, zero if nobody knows.
func (d *decider) overdueFor(late stanzaflowv1alpha1.ScheduleStatus) time.Duration {
	since, known := d.in.OverdueSince[late.CronWorkflow]
	if !known {
		return 0
	}
	return d.in.Now.Sub(since)
}

// running is a run that may make a backup of a repo: one that has not ended, that this pass
// starts, or that the entry has started and no cache holds yet. It is empty without one.
func (d *decider) running(e *entry, repo string) string {
	for _, run := range d.in.Runs {
		if run.Kind == vocab.RunBackup && run.Status.Repo == repo && !outcome.Finished(&run.Status) {
			return run.Status.Workflow
		}
	}
	for _, start := range d.out.Start {
		if start.Kind == vocab.RunBackup && start.Repo == repo {
			return start.Name
		}
	}
	if e.Result == stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunRunning) {
		return e.Workflow
	}
	return ""
}

// first is the first backup of a repo, which has pauses of its own, if it is still wanted.
func (d *decider) first(repo string) string {
	first := plan.Initial{Repo: repo, Kind: vocab.RunBackup}
	wanted := slices.ContainsFunc(d.out.After, func(t stanzaflowv1alpha1.TriggerStatus) bool {
		return t.Name == first.Name() && (t.Pending != nil || t.Attempts > 0)
	})
	if wanted && slices.Contains(d.in.Initial, first) {
		return first.Name()
	}
	return ""
}

// late is the overdue schedule of a repo whose backup comes first: a full before what builds
// on it. What is held starts nothing: if nothing else is overdue, late is nil and held true.
func (d *decider) late(repo string) (late *stanzaflowv1alpha1.ScheduleStatus, held bool) {
	var all []stanzaflowv1alpha1.ScheduleStatus
	for _, s := range d.in.Schedules {
		switch {
		case s.Repo != repo || !s.Overdue:
		case s.Held == "":
			all = append(all, s)
		default:
			held = true
		}
	}
	if len(all) == 0 {
		return nil, held
	}
	first := slices.MinFunc(all, func(a, b stanzaflowv1alpha1.ScheduleStatus) int {
		return cmp.Or(slices.Index(cpo.BackupTypes, a.Type)-slices.Index(cpo.BackupTypes, b.Type), strings.Compare(a.CronWorkflow, b.CronWorkflow))
	})
	return &first, false
}
