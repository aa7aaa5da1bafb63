// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storm_test

import (
	"slices"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// judge sees what happens, and knows only what the user has asked for and the caps.
type judge struct {
	t    *testing.T
	loop *loop
	// limits and names of the locks, and what each has: runs, and runs that wait by priority.
	limits  map[*lock]int
	names   map[*lock]string
	running map[*lock]int
	queued  map[*lock]map[int32]int
	// history of each schedule, in the order of time.
	history  map[*cronWorkflow]*history
	outages  []outage
	mistakes int
	starts   map[int64]int // Workflows that were created in a minute
	result   result
}

// history is what became of a schedule.
type history struct {
	slots cron.Schedule
	runs  []attempt
}

// attempt is one run: active from created to noticed.
type attempt struct {
	slot, created, begun, noticed time.Time
	ended, failed                 bool
}

// outage is when Argo was down. Until settled it is busy with what it has missed.
type outage struct{ from, to, settled time.Time }

// result is what is printed.
type result struct {
	runs, failed, collapsed int
	// delay is the longest from the effective slot to the backup, by type.
	delay  map[string]time.Duration
	starts int // most in a minute
	waited int // most at once
	queue  int
}

func newJudge(t *testing.T, l *loop) *judge {
	t.Helper()
	return &judge{
		t: t, loop: l, limits: map[*lock]int{}, names: map[*lock]string{}, running: map[*lock]int{}, queued: map[*lock]map[int32]int{},
		history: map[*cronWorkflow]*history{}, starts: map[int64]int{}, result: result{delay: map[string]time.Duration{}},
	}
}

// enough is how many mistakes a person reads.
const enough = 20

// wrong reports a mistake, and stops after enough of them.
func (j *judge) wrong(format string, args ...any) {
	j.t.Helper()
	j.t.Errorf(format, args...)
	if j.mistakes++; j.mistakes == enough {
		j.t.Fatal("there are more mistakes")
	}
}

// widths of the locks, the narrowest first.
var widths = []string{"cluster", "bucket", "all"}

func (j *judge) know(l *lock, name string) {
	j.limits[l], j.names[l], j.queued[l] = l.limit, name, map[int32]int{}
}

func (j *judge) expect(c *cronWorkflow) {
	slots, err := cron.ParseStandard(c.of.expression)
	if err != nil {
		j.t.Fatal(err)
	}
	j.history[c] = &history{slots: slots}
}

// next is the effective slot after a moment: that of the user, and the offset.
func (h *history) next(after time.Time, offset time.Duration) time.Time {
	return h.slots.Next(after.Add(-offset)).Add(offset)
}

func (j *judge) created(w *workflow) {
	h := j.history[w.cron]
	if n := len(h.runs); n > 0 && !w.slot.After(h.runs[n-1].slot) {
		j.wrong("slot %s of %s runs after slot %s: twice, or an old one", w.slot, w.cron.of.name, h.runs[n-1].slot)
	}
	if at := h.next(w.slot.Add(-time.Second), w.cron.of.offset); !at.Equal(w.slot) {
		j.wrong("%s has no slot %s; the next is %s", w.cron.of.name, w.slot, at)
	}
	h.runs = append(h.runs, attempt{slot: w.slot, created: w.created})
	j.result.runs++
	j.starts[w.created.Unix()/60]++
	j.result.starts = max(j.result.starts, j.starts[w.created.Unix()/60])
}

func (j *judge) waits(l *lock, w *workflow) {
	for _, other := range w.locks {
		if other.holders[w] && slices.Index(widths, j.names[other]) > slices.Index(widths, j.names[l]) {
			j.wrong("a run of %s waits for the lock of a %s and holds a wider one", w.cron.of.name, j.names[l])
		}
	}
	j.queued[l][w.priority]++
	j.result.queue++
	j.result.waited = max(j.result.waited, j.result.queue)
}

// acquires sees that nothing of more value waits for the same lock.
func (j *judge) acquires(l *lock, w *workflow) {
	j.queued[l][w.priority]--
	j.result.queue--
	for priority, n := range j.queued[l] {
		if n > 0 && priority > w.priority {
			j.wrong("%s passes a run of priority %d that waits for the same %s", w.cron.of.name, priority, j.names[l])
		}
	}
}

// begins counts what runs.
func (j *judge) begins(w *workflow) {
	for _, l := range w.locks {
		if j.running[l]++; j.running[l] > j.limits[l] {
			j.wrong("%d backups run at once in one %s, at most %d may", j.running[l], j.names[l], j.limits[l])
		}
	}
	j.last(w).begun = j.loop.now
	delay := j.loop.now.Sub(w.slot)
	j.result.delay[w.cron.of.backupType] = max(j.result.delay[w.cron.of.backupType], delay)
}

func (j *judge) ends(w *workflow) {
	for _, l := range w.locks {
		j.running[l]--
	}
	run := j.last(w)
	run.ended, run.failed = true, w.failed
	if w.failed {
		j.result.failed++
	}
}

func (j *judge) noticed(w *workflow) { j.last(w).noticed = j.loop.now }

func (j *judge) last(w *workflow) *attempt {
	runs := j.history[w.cron].runs
	return &runs[len(runs)-1]
}

func (j *judge) down(at time.Time) { j.outages = append(j.outages, outage{from: at}) }

func (j *judge) upAgain(at, settled time.Time) {
	last := &j.outages[len(j.outages)-1]
	last.to, last.settled = at, settled.Add(time.Second)
}

// slack is how late Argo may be without an outage: as long as it needs to create a Workflow
// for each schedule, and to see that a run has ended.
func (j *judge) slack() time.Duration {
	return time.Duration(len(j.history))*submitTime + 2*syncPeriod
}

// check finds the slots without a run that nothing explains.
func (j *judge) check(until time.Time) {
	for c, h := range j.history {
		next := 0
		for slot := h.next(start, c.of.offset); ; {
			following := h.next(slot, c.of.offset)
			if !following.Before(until.Add(-j.slack())) {
				break
			}
			for next < len(h.runs) && h.runs[next].slot.Before(slot) {
				next++
			}
			if next < len(h.runs) && h.runs[next].slot.Equal(slot) {
				j.checkRun(c, h.runs[next], following, until)
			} else if j.result.collapsed++; !j.excused(h, slot, following) {
				j.wrong("slot %s of %s has no run", slot, c.of.name)
			}
			slot = following
		}
	}
}

// checkRun sees that a run is not an old one: no newer slot had passed before Argo could see it.
func (j *judge) checkRun(c *cronWorkflow, run attempt, newer, until time.Time) {
	if newer.Before(run.created.Add(-j.slack())) {
		j.wrong("%s made the run of slot %s at %s, when slot %s had passed", c.of.name, run.slot, run.created, newer)
	}
	if !run.ended && run.created.Before(until.Add(-12*time.Hour)) {
		j.wrong("the run of slot %s of %s has not ended", run.slot, c.of.name)
	}
}

// excused reports whether a schedule could start no run between a slot and the next one:
// Argo was down, or one of its runs was active. Then only the newest slot is made up for.
func (j *judge) excused(h *history, slot, following time.Time) bool {
	at := slot
	for moved := true; moved; {
		moved = false
		for _, o := range j.outages {
			if !at.Before(o.from) && at.Before(o.settled) {
				at, moved = o.settled, true
			}
		}
		for _, run := range h.runs {
			until := run.noticed
			if until.IsZero() {
				until = j.loop.now
			}
			// It was created some time after Argo had decided to.
			if from := run.created.Add(-j.slack()); !at.Before(from) && at.Before(until) {
				at, moved = until, true
			}
		}
		if !at.Before(following) {
			return true
		}
	}
	return false
}

// madeUp finds the runs that made up for an outage: one at most for each schedule. It returns
// for each type how many they are, and how long after the outage the last one began.
func (j *judge) madeUp(o outage) (count map[string]int, last map[string]time.Duration) {
	count, last = map[string]int{}, map[string]time.Duration{}
	for c, h := range j.history {
		found := 0
		for _, run := range h.runs {
			if run.created.Before(o.to) || run.slot.Before(o.from) || !run.slot.Before(o.to) {
				continue
			}
			found++
			count[c.of.backupType]++
			last[c.of.backupType] = max(last[c.of.backupType], run.begun.Sub(o.to))
		}
		if found > 1 {
			j.wrong("%d runs of %s made up for the outage until %s", found, c.of.name, o.to)
		}
	}
	return count, last
}

var types = []string{cpo.Full, cpo.Diff, cpo.Incr}
