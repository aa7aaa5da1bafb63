// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alongside

import (
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
)

const (
	// settle is how old a CronJob, and the last change of a CronWorkflow, must be. CPO
	// may be changing what it has just created, and Argo needs a moment to refuse a
	// CronWorkflow.
	settle = 10 * time.Second
	// afterSlot and beforeSlot keep a change away from the slots. Kubernetes may start
	// the Job of a slot some seconds late, and by what its cache holds.
	afterSlot, beforeSlot = 30 * time.Second, 20 * time.Second
	// longestStart is how long a slot may wait for its Job, and a Job for its backup. A
	// backup that runs is in pg_stat_activity, where our runs find it and wait.
	longestStart = 10 * time.Minute
	// shortestDeadline is the least startingDeadlineSeconds that we leave to a CronJob,
	// except if its slots are closer than twice that.
	shortestDeadline = time.Minute
	// deadlineMargin is for the clocks of Kubernetes and ours.
	deadlineMargin = 5 * time.Second
)

// waitsFor says why the moment is not good to take the schedule over, and when to
// look again. It is empty if the moment is good.
func (d *decision) waitsFor() (string, time.Time) {
	if object.Suspended(d.have) && !d.state.Suspended() {
		return "CronWorkflow " + d.CronWorkflow + " is not yet in force", time.Time{}
	}
	settled := later(d.cronJob.Created, schedule.ChangedAt(d.have)).Add(settle)
	if settled.After(d.now) {
		return "CronWorkflow " + d.CronWorkflow + " has just been changed, or the CronJob has just been created", settled
	}
	theirs := d.times()
	for _, times := range []schedule.Timetable{theirs, schedule.TimetableOf(d.have)} {
		if quiet := times.Latest(d.now.Add(beforeSlot)).Add(afterSlot); quiet.After(d.now) {
			return "a slot is near", quiet
		}
	}
	if slot := theirs.Latest(d.now); slot.After(d.cronJob.Created) && d.cronJob.LastSlot.Before(slot) && slot.Add(longestStart).After(d.now) {
		return "Kubernetes has not yet started the Job of the last slot", slot.Add(longestStart)
	}
	if started := d.cronJob.LastSlot.Add(longestStart); d.cronJob.Running && started.After(d.now) {
		return "a Job of the CronJob is running", started
	}
	return "", time.Time{}
}

// times is when the CronJob fires. Without a zone of its own it has that of the
// controller of Kubernetes, which is UTC nearly everywhere.
func (d *decision) times() schedule.Timetable {
	return schedule.ReadTimetable(d.cronJob.Zone, []string{d.cronJob.Schedule})
}

// drained reports whether our CronWorkflow starts no run and has none, or when to
// look again.
func (d *decision) drained() (time.Time, bool) {
	switch {
	case d.have == nil:
		return time.Time{}, true
	case !object.Suspended(d.have), object.Busy(d.state.Workflows, d.have):
		return time.Time{}, false
	}
	settled := schedule.SettledAt(d.have, d.now)
	return settled, !settled.After(d.now)
}

// deadline returns the startingDeadlineSeconds with which a CronJob that is resumed
// does not start a slot that we have had: Kubernetes starts the last missed slot at
// once. It is 0 if there is no such slot: one that nobody has had should start. If the
// deadline would be too short, deadline returns when to look again. A deadline of
// others stays unchanged.
func (d *decision) deadline() (seconds int64, wait time.Time) {
	if d.cronJob.Deadline != nil && !d.cronJob.DeadlineByUs() {
		return 0, time.Time{}
	}
	times := d.times()
	slot := times.Latest(d.now)
	missed := !slot.IsZero() && slot.After(d.cronJob.Created) && d.cronJob.LastSlot.Before(slot)
	if !missed || !d.ran(slot.Add(d.offset()-schedule.ClockSkew)) {
		return 0, time.Time{}
	}
	shortest := min(shortestDeadline, times.Next(slot).Sub(slot)/2)
	if wait := slot.Add(shortest); wait.After(d.now) {
		return 0, wait
	}
	return int64((d.now.Sub(slot) - deadlineMargin).Seconds()), time.Time{}
}

// liftDeadline removes a deadline that we have set, as soon as no missed slot can
// start without it.
func (d *decision) liftDeadline() {
	if d.cronJob.Suspended || !d.cronJob.DeadlineByUs() {
		return
	}
	if slot := d.times().Latest(d.now); !d.cronJob.LastSlot.Before(slot) {
		d.add(object.Action{Verb: object.LiftDeadline, Have: d.cronJob.Object()})
	}
}

// offset is by how much later than the CronJob our CronWorkflow fires, because of a window.
func (d *decision) offset() time.Duration {
	for _, cronWorkflow := range []*unstructured.Unstructured{d.have, d.want} {
		if cronWorkflow != nil {
			return schedule.Offset(cronWorkflow)
		}
	}
	return 0
}

// ran reports whether a run of ours for this repo and type has begun since a moment.
func (d *decision) ran(since time.Time) bool {
	if d.state.Stanza != nil && slices.ContainsFunc(d.state.Stanza.Status.Schedules, func(entry stanzaflowv1alpha1.ScheduleStatus) bool {
		last := entry.LastRun
		return entry.Repo == d.cronJob.Repo && entry.Type == d.cronJob.Type && last != nil && last.StartTime != nil && !last.StartTime.Time.Before(since)
	}) {
		return true
	}
	return d.have != nil && slices.ContainsFunc(d.state.Workflows, func(workflow *wfv1.Workflow) bool {
		return object.StartedBy(workflow, d.have) && !workflow.CreationTimestamp.Time.Before(since)
	})
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
