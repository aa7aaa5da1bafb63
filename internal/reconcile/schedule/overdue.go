// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
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
	// ClockSkew is between the API server, Argo, PostgreSQL and us. A backup may seem
	// to have begun this much before it was due.
	ClockSkew = 30 * time.Second
)

// overdue reports whether a schedule was due and no backup of its repo and type
// has been proven since, and when to look again. The cause does not matter: held,
// suspended, failed and never started are all not done. Slots before since do not
// count. A running run may still make the backup: that is a delay.
func overdue(times Timetable, since time.Time, entry stanzaflowv1alpha1.ScheduleStatus, now time.Time) (bool, time.Time) {
	due, lookAgain := times.DueAt(now)
	late := !due.IsZero() && !due.Before(since) &&
		(entry.LastRun == nil || outcome.Finished(entry.LastRun)) && !provenSince(entry.LastBackup, due)
	return late, lookAgain
}

// provenSince also accepts a backup that stopped after the slot: a run that
// outlived its interval made it, and the run of the slot starts when that one
// ends.
func provenSince(backup *stanzaflowv1alpha1.BackupStatus, due time.Time) bool {
	return backup != nil && (!backup.StopTime.Time.Before(due) || !backup.StartTime.Time.Before(due.Add(-ClockSkew)))
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

// countsFrom is since when the slots of a schedule count. One that a window has moved counts
// from when the user has asked for it, as without a window. An overdue schedule
// stays overdue, whatever we change in it except the schedule itself. Without
// Argo's kinds, the last run shows that there was a schedule.
func countsFrom(cronWorkflow *unstructured.Unstructured, was, is stanzaflowv1alpha1.ScheduleStatus, now time.Time) time.Time {
	switch {
	case was.Overdue && was.Schedule == is.Schedule && was.Offset == is.Offset && was.TimeZone == is.TimeZone:
		return time.Time{}
	case cronWorkflow != nil:
		return ChangedAt(cronWorkflow).Add(Offset(cronWorkflow))
	case is.LastRun != nil && is.LastRun.StartTime != nil:
		return is.LastRun.StartTime.Time
	}
	return now
}

// ChangedAt is when a CronWorkflow got its present schedule: when it was created, or
// when we last applied it, which the API server notes for each manager. That we have
// suspended or resumed it, which is a patch, changes no schedule.
func ChangedAt(cronWorkflow *unstructured.Unstructured) time.Time {
	at := cronWorkflow.GetCreationTimestamp().Time
	for _, entry := range cronWorkflow.GetManagedFields() {
		if entry.Manager == vocab.FieldManager && entry.Operation != metav1.ManagedFieldsOperationUpdate && entry.Time != nil && entry.Time.After(at) {
			at = entry.Time.Time
		}
	}
	return at
}
