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
)

// overdue decides about the overdue schedules of a repo. Like a first run it is not done when
// its run is started, but when the backup is proven, whoever has made it. A cluster that was
// never overdue has no entry.
func (d *decider) overdue(o plan.Overdue) {
	e, repo, late := d.read(o.Name()), d.repo(o.Repo), d.late(o.Repo)
	switch {
	case repo == nil: // not in the status yet
	case late == nil:
		d.satisfied(e, "no schedule of "+o.Repo+" is overdue any more")
	default:
		d.want(e, []string{late.Type + " backup is overdue"})
		d.startLate(e, *late)
	}
	if e.Pending != nil || e.Workflow != "" {
		d.add(e)
	}
}

// startLate starts the run, unless another one may make the backup first.
func (d *decider) startLate(e *entry, late stanzaflowv1alpha1.ScheduleStatus) {
	if e.Pending == nil {
		return
	}
	if next := late.NextRunTime; next != nil && next.Sub(d.in.Now) < soon {
		e.Message = "waits for the run of the schedule at " + next.UTC().Format(time.RFC3339)
		d.wake(next.Time)
		return
	}
	if other := d.other(late.Repo); other != "" {
		e.Message = "waits for " + other
		return
	}
	d.start(e, terms{
		repo: late.Repo, backupType: late.Type, value: vocab.TriggerOverdue, kind: vocab.RunBackup, attempts: e.Attempts, longest: overdueLast,
		overdue: d.overdueFor(late),
	})
}

// overdueFor is how long a backup has been due, zero if nobody knows.
func (d *decider) overdueFor(late stanzaflowv1alpha1.ScheduleStatus) time.Duration {
	since, known := d.in.OverdueSince[late.CronWorkflow]
	if !known {
		return 0
	}
	return d.in.Now.Sub(since)
}

// other is what may make a backup of a repo before: a run that has not ended or that this pass
// starts, or the first backup, which has pauses of its own. It is empty without one.
func (d *decider) other(repo string) string {
	for _, run := range d.in.Runs {
		if run.Kind == vocab.RunBackup && run.Status.Repo == repo && !outcome.Finished(&run.Status) {
			return "run " + run.Status.Workflow
		}
	}
	for _, start := range d.out.Start {
		if start.Kind == vocab.RunBackup && start.Repo == repo {
			return "run " + start.Name
		}
	}
	first := plan.Initial{Repo: repo, Kind: vocab.RunBackup}
	wanted := slices.ContainsFunc(d.out.After, func(t stanzaflowv1alpha1.TriggerStatus) bool {
		return t.Name == first.Name() && (t.Pending != nil || t.Attempts > 0)
	})
	if wanted && slices.Contains(d.in.Initial, first) {
		return first.Name()
	}
	return ""
}

// late is the overdue schedule of a repo whose backup comes first, nil if none is overdue: a
// full before what builds on it. What is held starts nothing.
func (d *decider) late(repo string) *stanzaflowv1alpha1.ScheduleStatus {
	var late []stanzaflowv1alpha1.ScheduleStatus
	for _, s := range d.in.Schedules {
		if s.Repo == repo && s.Overdue && s.Held == "" {
			late = append(late, s)
		}
	}
	if len(late) == 0 {
		return nil
	}
	first := slices.MinFunc(late, func(a, b stanzaflowv1alpha1.ScheduleStatus) int {
		return cmp.Or(slices.Index(cpo.BackupTypes, a.Type)-slices.Index(cpo.BackupTypes, b.Type), strings.Compare(a.CronWorkflow, b.CronWorkflow))
	})
	return &first
}
