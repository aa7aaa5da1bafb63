// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// A schedule may be late by a sixth of the gap to its next slot, within these
	// bounds: a half-hourly schedule is overdue after 10 minutes, including the
	// tolerance, and a daily one after 65.
	shortestAllowance, longestAllowance = time.Minute, time.Hour
	// overdueTolerance is for Argo's queue, our cache, a restart of either.
	overdueTolerance = 5 * time.Minute
	// longestExcuse is how long a running run may still make the backup. Argo ends each run
	// after activeDeadlineSeconds, 8 hours in our template; while its controller is down
	// nobody does.
	longestExcuse = 24 * time.Hour
	// ClockSkew is between the API server, Argo, PostgreSQL and us. A backup may seem
	// to have begun this much before it was due.
	ClockSkew = 30 * time.Second
)

// overdue reports whether a schedule was due and no backup of its repo and type
// has been proven since, and when to look again. The cause does not matter: held,
// suspended, failed and never started are all not done. Slots before since do not count;
// if it is zero, the newest slot does, without an allowance. Until excused a running run
// may still make the backup: that is a delay. A window fires each slot an offset after the
// user has asked for it.
func overdue(times Timetable, since time.Time, offset time.Duration, entry stanzaflowv1alpha1.ScheduleStatus, excused time.Time, now time.Time) (bool, time.Time) {
	due, lookAgain := times.dueSince(since, now)
	if due.IsZero() || provenSince(entry.LastBackup, due, offset) {
		return false, lookAgain
	}
	if now.Before(excused) {
		return false, object.Earliest(lookAgain, excused)
	}
	return true, lookAgain
}

// hasRun reports whether Argo has started the run of a slot. Then the slot counts, whatever
// we have changed in the CronWorkflow since.
func hasRun(cronWorkflow *unstructured.Unstructured, entry stanzaflowv1alpha1.ScheduleStatus, slot time.Time) bool {
	if cronWorkflow == nil || slot.IsZero() {
		return false
	}
	name := RunOf(cronWorkflow, slot)
	named := func(run *stanzaflowv1alpha1.RunStatus) bool { return run != nil && run.Workflow == name }
	return lastFired(cronWorkflow).Equal(slot) || named(entry.LastRun) || named(entry.PreviousRun) ||
		slices.ContainsFunc(entry.Runs, func(run stanzaflowv1alpha1.FinishedRun) bool { return run.Workflow == name })
}

// excusedUntil is until when a running run may still make the backup of a schedule, zero if
// there is none. One that waits for a slot of a cap, for an Argo that is down, or for somebody
// to resume it, may wait for hours; and so may one that waits for such a run.
func excusedUntil(entry stanzaflowv1alpha1.ScheduleStatus, runs []outcome.Run) (until time.Time) {
	for _, run := range runs {
		of := run.Kind == vocab.RunBackup && run.Status.Repo == entry.Repo && run.Status.Type == entry.Type
		if !of || outcome.Finished(&run.Status) || run.Status.StartTime == nil || run.Stands() || behindOneThatStands(run, runs) {
			continue
		}
		if end := run.Status.StartTime.Add(longestExcuse); end.After(until) {
			until = end
		}
	}
	return until
}

// behindOneThatStands reports whether a run waits for another of its cluster, which itself
// does nothing.
func behindOneThatStands(run outcome.Run, runs []outcome.Run) bool {
	return run.Wait != nil && run.Wait.Holder != "" && slices.ContainsFunc(runs, func(other outcome.Run) bool {
		return other.Status.Workflow == run.Wait.Holder && other.Stands()
	})
}

// OverdueSince is the first slot of an overdue schedule for which no backup is proven. Zero if
// none was ever proven: nobody knows what its slots were before.
func OverdueSince(entry stanzaflowv1alpha1.ScheduleStatus) time.Time {
	if entry.LastBackup == nil {
		return time.Time{}
	}
	provenTo := entry.LastBackup.StartTime.Add(offsetIn(entry.Offset) + ClockSkew)
	if stop := entry.LastBackup.StopTime.Time; stop.After(provenTo) {
		provenTo = stop
	}
	return timetableIn(entry).Next(provenTo)
}

// provenSince also accepts a backup that stopped after the slot: a run that
// outlived its interval made it, and the run of the slot starts when that one
// ends. A backup that began since the user asked for the slot is what he asked for:
// before the window has changed, the slot had an earlier place.
func provenSince(backup *stanzaflowv1alpha1.BackupStatus, due time.Time, offset time.Duration) bool {
	return backup != nil && (!backup.StopTime.Time.Before(due) || !backup.StartTime.Time.Before(due.Add(-offset-ClockSkew)))
}

// dueSince is the slot to judge by, zero if there is none, and when to look again.
func (t Timetable) dueSince(since, now time.Time) (time.Time, time.Time) {
	due, lookAgain := t.DueAt(now)
	switch {
	case since.IsZero():
		due = t.Latest(now)
	case due.Before(since):
		due = time.Time{}
	}
	return due, lookAgain
}

// DueAt is the newest slot whose deadline is over, zero if there is none, and the
// next deadline, zero if there is none. A later slot never has the earlier
// deadline.
func (t Timetable) DueAt(now time.Time) (time.Time, time.Time) {
	due := t.Latest(now.Add(-shortestAllowance - overdueTolerance))
	for !due.IsZero() && t.deadline(due).After(now) {
		due = t.Latest(due.Add(-time.Nanosecond))
	}
	after := due
	if due.IsZero() {
		after = now.Add(-longestAllowance - overdueTolerance)
	}
	next := t.Next(after)
	if next.IsZero() {
		return due, next
	}
	return due, t.deadline(next)
}

// deadline is when the backup of a slot should have begun at the latest.
func (t Timetable) deadline(slot time.Time) time.Time {
	grace := longestAllowance + overdueTolerance
	if next := t.Next(slot); !next.IsZero() {
		grace = Grace(next.Sub(slot))
	}
	return slot.Add(grace)
}

// Grace is how late a backup may be, by the time to the next slot.
func Grace(gap time.Duration) time.Duration {
	return min(max(gap/6, shortestAllowance), longestAllowance) + overdueTolerance
}

// Judged is what a status says of a schedule, of backups or a drill.
type Judged struct {
	// Schedule and TimeZone are what the user has asked for.
	Schedule, TimeZone string
	// Offset is that of the window, such as 45m, empty for none.
	Offset string
	// Since is since when all these are as they are, nil if that is not known.
	Since   *metav1.Time
	Overdue bool
}

// InForceSince is since when the schedule of a CronWorkflow is as it is, by what the status
// said. A change of ours that leaves the schedule alone, such as another template, is none.
// Nil if that is not known.
func InForceSince(cronWorkflow *unstructured.Unstructured, was Judged) *metav1.Time {
	_, offset := Effective(cronWorkflow)
	if was.Since != nil && was.Schedule == Asked(cronWorkflow) && was.TimeZone == Zone(cronWorkflow) && was.Offset == offset {
		return was.Since
	}
	if changed := ChangedAt(cronWorkflow); !changed.IsZero() {
		return new(metav1.NewTime(changed.UTC()))
	}
	return nil
}

// DueSlot is the slot by which to judge a CronWorkflow of which the status said was, and whose
// schedule is in force since a moment: zero if there is none, and when to look again.
func DueSlot(cronWorkflow *unstructured.Unstructured, was Judged, inForce *metav1.Time, now time.Time) (time.Time, time.Time) {
	since := slotsCountFrom(cronWorkflow, inForce)
	if was.stays(Asked(cronWorkflow), Zone(cronWorkflow)) || loses(cronWorkflow, was, now) {
		since = time.Time{}
	}
	return TimetableOf(cronWorkflow).dueSince(since, now)
}

func judged(was stanzaflowv1alpha1.ScheduleStatus) Judged {
	return Judged{Schedule: was.Schedule, TimeZone: was.TimeZone, Offset: was.Offset, Since: was.InForceSince, Overdue: was.Overdue}
}

// countsFrom is since when the slots of a schedule count, zero for always. Where nobody has noted
// since when it is in force, and without Argo's kinds, the last run shows that there was one.
func countsFrom(cronWorkflow *unstructured.Unstructured, was, is stanzaflowv1alpha1.ScheduleStatus, now time.Time) time.Time {
	before := judged(was)
	switch {
	case before.stays(is.Schedule, is.TimeZone) || loses(cronWorkflow, before, now):
		return time.Time{}
	case cronWorkflow != nil:
		return slotsCountFrom(cronWorkflow, is.InForceSince)
	case is.InForceSince != nil:
		return is.InForceSince.Time
	case is.LastRun != nil && is.LastRun.StartTime != nil:
		return is.LastRun.StartTime.Time
	}
	return now
}

// stays reports whether an overdue schedule stays overdue: whatever we change in it,
// except what the user has asked for.
func (j Judged) stays(schedule, zone string) bool {
	return j.Overdue && j.Schedule == schedule && j.TimeZone == zone
}

// loses reports whether a window that has changed has taken the newest slot away: it was
// still to come with the old offset, and with the new one it is over, so Argo starts no run
// for it. What the user asked for before there was a schedule is no loss.
func loses(cronWorkflow *unstructured.Unstructured, was Judged, now time.Time) bool {
	if cronWorkflow == nil || was.Schedule != Asked(cronWorkflow) || was.TimeZone != Zone(cronWorkflow) {
		return false
	}
	changed, slot := ChangedAt(cronWorkflow), TimetableOf(cronWorkflow).Latest(now)
	asked := slot.Add(-Offset(cronWorkflow))
	return !slot.IsZero() && slot.Before(changed) && asked.Add(offsetIn(was.Offset)).After(changed) &&
		!asked.Before(cronWorkflow.GetCreationTimestamp().Time)
}

// slotsCountFrom is since when the slots of a schedule count that is in force since a moment,
// zero for always. If that is not known it is ChangedAt. One that a window has moved counts if
// the user asked for it since the creation, as without a window.
func slotsCountFrom(cronWorkflow *unstructured.Unstructured, inForce *metav1.Time) time.Time {
	since, created := ChangedAt(cronWorkflow), cronWorkflow.GetCreationTimestamp().Time
	if inForce != nil {
		since = inForce.Time
	}
	if first := created.Add(Offset(cronWorkflow)); first.After(since) && !since.Before(created) {
		return first
	}
	return since
}

// ChangedAt is when a CronWorkflow got its present schedule, at the latest: when it was created,
// or when we last applied it, which the API server notes for each manager. Then it may have got
// another template. That we have suspended or resumed it, which is a patch, changes no schedule.
func ChangedAt(cronWorkflow *unstructured.Unstructured) time.Time {
	at := cronWorkflow.GetCreationTimestamp().Time
	for _, entry := range cronWorkflow.GetManagedFields() {
		if entry.Manager == vocab.FieldManager && entry.Operation != metav1.ManagedFieldsOperationUpdate && entry.Time != nil && entry.Time.After(at) {
			at = entry.Time.Time
		}
	}
	return at
}
