// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storm_test

import (
	"math/rand/v2"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/robfig/cron/v3"
)

const (
	// submitTime is how long Argo needs to create a Workflow: 50 a second, with --qps 100 and
	// two requests for each.
	submitTime = 20 * time.Millisecond
	// syncPeriod is how often Argo looks which runs have ended, CRON_SYNC_PERIOD.
	syncPeriod = 10 * time.Second
)

// argo is the model of Argo's controller.
type argo struct {
	*loop

	random *rand.Rand
	judge  *judge
	up     bool
	// since is when Argo was last started, free when it can create the next Workflow.
	since, free time.Time
	crons       []*cronWorkflow // by namespace and name
	store       []period        // when the store fails
	ended       []*workflow     // while Argo is down
}

type period struct{ from, to time.Time }

func (p period) has(t time.Time) bool { return !t.Before(p.from) && t.Before(p.to) }

// cronWorkflow is a CronWorkflow as Argo reads it.
type cronWorkflow struct {
	of        schedule
	schedules []cron.Schedule
	priority  int32
	deadline  time.Duration
	locks     []*lock
	// last is status.lastScheduledTime, active the Workflow in status.active.
	last   time.Time
	active *workflow
}

// workflow is one run.
type workflow struct {
	cron     *cronWorkflow
	slot     time.Time
	created  time.Time
	priority int32
	locks    []*lock
	held     int // the first so many of locks
	tie      uint32
	begun    time.Time
	failed   bool
}

func (w *workflow) creationTimestamp() time.Time { return w.created.Truncate(time.Second) }

// read takes over what Argo uses of a CronWorkflow. Only Forbid is modelled.
func read(of schedule, c *wfv1.CronWorkflow, start time.Time, locks []*lock) (*cronWorkflow, bool) {
	read := &cronWorkflow{
		of: of, priority: *c.Spec.WorkflowSpec.Priority, deadline: time.Duration(*c.Spec.StartingDeadlineSeconds) * time.Second, last: start, locks: locks,
	}
	for _, expression := range c.Spec.Schedules {
		s, err := cron.ParseStandard("CRON_TZ=" + c.Spec.Timezone + " " + expression)
		if err != nil {
			return nil, false
		}
		read.schedules = append(read.schedules, s)
	}
	return read, c.Spec.ConcurrencyPolicy == wfv1.ForbidConcurrent && !c.Spec.Suspend
}

// next is the first slot after a moment.
func (c *cronWorkflow) next(after time.Time) time.Time {
	var first time.Time
	for _, s := range c.schedules {
		if at := s.Next(after); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// arm has every next slot fire.
func (a *argo) arm(c *cronWorkflow) {
	slot := c.next(a.now)
	a.at(slot, func() {
		if a.up {
			a.submit(func() { a.run(c, slot) })
		}
		a.arm(c)
	})
}

// submit does something that creates a Workflow, when it is its turn.
func (a *argo) submit(do func()) {
	if a.free.Before(a.now) {
		a.free = a.now
	}
	a.free = a.free.Add(submitTime)
	started := a.since
	a.at(a.free, func() {
		if a.up && a.since.Equal(started) { // a controller that dies forgets its queue
			do()
		}
	})
}

// run is cronWfOperationCtx.run.
func (a *argo) run(c *cronWorkflow, slot time.Time) {
	if c.active != nil || !slot.After(c.last) {
		return // Forbid; or the name is taken
	}
	w := &workflow{cron: c, slot: slot, created: a.now, priority: c.priority, locks: c.locks}
	c.active, c.last = w, slot
	a.judge.created(w)
	a.request(w)
	if len(c.schedules) > 1 { // the change of its status puts it into the queue again
		a.process(c)
	}
}

// process is processNextCronItem: it starts what was missed.
func (a *argo) process(c *cronWorkflow) {
	if c.missed(a.now).IsZero() {
		return
	}
	a.submit(func() {
		if missed := c.missed(a.now); !missed.IsZero() {
			a.run(c, missed)
		}
	})
}

// missed is shouldOutstandingWorkflowsBeRun: the newest missed slot of the first expression
// that has one.
func (c *cronWorkflow) missed(now time.Time) time.Time {
	for _, s := range c.schedules {
		var missed time.Time
		for at := s.Next(c.last); at.Before(now); at = s.Next(at) {
			missed = at
		}
		if !missed.IsZero() && now.Before(missed.Add(c.deadline)) {
			return missed
		}
	}
	return time.Time{}
}

// begin makes a backup, with all locks.
func (a *argo) begin(w *workflow) {
	w.begun = a.now
	a.judge.begins(w)
	end := a.backUp(w)
	a.at(end, func() { a.end(w) })
}

// waits are between the attempts of a step.
var waits = []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second}

// backUp is when a backup has ended. A store that fails stops it until an attempt finds the
// store again, and ends it after the last one.
func (a *argo) backUp(w *workflow) time.Time {
	end := a.now.Add(w.cron.of.length(a.random))
	for _, outage := range a.store {
		if !outage.from.Before(end) || !outage.to.After(a.now) {
			continue
		}
		at := outage.from
		if at.Before(a.now) {
			at = a.now
		}
		left := end.Sub(at)
		w.failed = true
		for _, wait := range waits {
			if at = at.Add(wait); !outage.has(at) {
				w.failed, at = false, at.Add(left)
				break
			}
		}
		return at
	}
	return end
}

func (a *argo) end(w *workflow) {
	if !a.up {
		a.ended = append(a.ended, w)
		return
	}
	a.judge.ends(w)
	a.release(w)
	a.at(a.now.Truncate(syncPeriod).Add(syncPeriod), func() {
		if w.cron.active == w {
			w.cron.active = nil
			a.judge.noticed(w)
		}
		if a.up {
			a.process(w.cron)
		}
	})
}

// stop kills the controller.
func (a *argo) stop() {
	a.up = false
	a.judge.down(a.now)
}

// start starts it. It sees what has ended, and then looks at every CronWorkflow.
func (a *argo) start() {
	a.up, a.since, a.free = true, a.now, a.now
	ended := a.ended
	a.ended = nil
	for _, w := range ended {
		a.end(w)
	}
	for _, c := range a.crons {
		for _, l := range c.locks {
			a.grant(l)
		}
	}
	for _, c := range a.crons {
		a.process(c)
	}
	a.judge.upAgain(a.now, a.free)
}
