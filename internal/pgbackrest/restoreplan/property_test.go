// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

var (
	histories = flag.Int("histories", 200, "How many histories TestPlans tries.")
	seed      = flag.Uint64("seed", 0, "The seed of the first history.")
)

// TestPlans: whatever has happened to a database and its archive, what is called reachable
// is restored exactly, and what is refused cannot be restored by any set, repo or timeline.
func TestPlans(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	for i := range *histories {
		w := newWorld(*seed + uint64(i))
		in := w.input()
		for _, at := range w.targets() {
			counts[w.checkTime(t, in, at)]++
		}
		counts[w.checkEnd(t, in)]++
		if t.Failed() {
			t.Fatalf("with -seed=%d -histories=1", *seed+uint64(i))
		}
	}
	t.Log(counts)
	for _, want := range []string{"Reachable", "NotProven", "AfterNewest", "BeforeOldest", "Gap", "OtherTimeline", "to the end", "end: Gap", "mixed", "abandoned", "to the end instead"} {
		if counts[want] < *histories/40 {
			t.Errorf("%s was seen %d times in %d histories, which proves little", want, counts[want], *histories)
		}
	}
}

// targets are random moments, and those at which answers change.
func (w *world) targets() []time.Time {
	begin := w.sets[0].startAt.Add(-time.Minute)
	var all []time.Time
	for range 20 {
		all = append(all, begin.Add(time.Duration(w.random.Int64N(int64(w.now.Sub(begin)+time.Minute)))))
	}
	near := func(at time.Time) {
		for _, d := range []time.Duration{-time.Microsecond, 0, time.Microsecond, 200 * time.Millisecond, 900 * time.Millisecond, time.Second} {
			all = append(all, at.Add(d))
		}
	}
	for _, k := range w.known {
		near(k.Time)
	}
	for _, s := range w.sets {
		near(s.stopAt.Truncate(time.Second))
	}
	for _, b := range w.branches {
		near(b.promoted)
	}
	for _, h := range w.histories {
		near(h.at)
	}
	if len(w.files) > 0 {
		near(w.files[len(w.files)-1].at.Truncate(time.Second))
		near(w.files[w.random.IntN(len(w.files))].at.Truncate(time.Second))
	}
	for i := range all {
		all[i] = all[i].Truncate(time.Microsecond)
	}
	return all
}

// checkTime compares one answer with what a recovery gives.
func (w *world) checkTime(t *testing.T, in Input, at time.Time) string {
	t.Helper()
	truth := w.truth(at)
	plan, refusal := For(in, Target{Kind: Time, Time: at})
	if refusal != nil {
		w.checkRefusal(t, in, at, refusal, truth)
		return string(refusal.Reason)
	}
	got, err := w.recover(w.set(plan.Label, plan.SetRepo), plan.Repo, plan.Timeline, at)
	exact := err == nil && got.stopped && slices.Equal(got.rows, truth)
	switch {
	case plan.Answer == Reachable && !exact:
		t.Errorf("%s is called reachable (%s) by %v: stopped %t, %v, %d rows, want %d", stamp(at), plan.Why, plan.Args(), got.stopped, err, len(got.rows), len(truth))
	case plan.Answer == NotProven && err != nil && !w.foreignIn(plan):
		t.Errorf("%s is not proven by %v, which fails: %v", stamp(at), plan.Args(), err)
	}
	if instead, ok := plan.Fallback(); ok && err == nil && !got.stopped {
		w.checkFallback(t, instead, at, truth)
		return "to the end instead"
	}
	switch {
	case len(plan.Filled) > 0:
		return "mixed"
	case plan.Abandoned:
		return "abandoned"
	}
	return string(plan.Answer)
}

// checkFallback: what is archived of the moment is in the end of the archive, and no more.
func (w *world) checkFallback(t *testing.T, plan Plan, at time.Time, truth []int) {
	t.Helper()
	got, err := w.recover(w.set(plan.Label, plan.SetRepo), plan.Repo, plan.Timeline, time.Time{})
	if live := w.liveAt(at); live.number > plan.Timeline && !w.hasHistory(0, live.number) || w.branches[plan.Timeline].stray {
		return // Nobody knows of the timeline, or nobody that it is that of a copy.
	}
	if err != nil || len(got.rows) > len(truth) || !slices.Equal(got.rows, truth[:len(got.rows)]) {
		t.Errorf("%s is not proven, and its end instead by %v has the rows %v, want %v: %v", stamp(at), plan.Args(), got.rows, truth, err)
		return
	}
	if w.lostBehind(got.end) {
		return
	}
	for _, c := range lineage(w.liveAt(at)) {
		if !c.at.After(at) && c.lsn >= got.end && slices.ContainsFunc(w.files, func(f file) bool { return f.segment == worldSegment.Of(w.liveAt(at).number, c.lsn) }) {
			t.Errorf("%s is not proven, its end instead by %v is %s, and row %d at %s is archived", stamp(at), plan.Args(), got.end, c.row, c.lsn)
		}
	}
}

// foreignIn reports whether a plan must read a file that is not of the database.
func (w *world) foreignIn(p Plan) bool {
	return slices.ContainsFunc(w.files, func(f file) bool { return f.foreign && !f.lost && f.repo == p.Repo })
}

// checkRefusal tries every way to the moment, and the moments that are named.
func (w *world) checkRefusal(t *testing.T, in Input, at time.Time, refusal *Refusal, truth []int) {
	t.Helper()
	for _, s := range w.sets {
		if !w.usable(s) || s.stopAt.Truncate(time.Second).Add(time.Second).After(at) {
			continue
		}
		for _, repo := range []int{s.repo, 0} {
			for number, b := range w.branches {
				if b.stray {
					continue
				}
				if got, err := w.recover(s, repo, number, at); err == nil && got.stopped && slices.Equal(got.rows, truth) {
					t.Errorf("%s is refused (%v), and backup %s with repo %d on timeline %d gives exactly its rows", stamp(at), refusal, s.label, repo, number)
					return
				}
			}
		}
	}
	for name, moment := range map[string]*Moment{"before": refusal.Before, "after": refusal.After} {
		if moment == nil {
			continue
		}
		if plan, refused := For(in, Target{Kind: Time, Time: moment.Time}); refused != nil || plan.Answer != moment.Answer {
			t.Errorf("%s, %s the refused %s, is named as %s: %v, %v", stamp(moment.Time), name, stamp(at), moment.Answer, plan.Answer, refused)
		}
		if moment.Time.Before(at) != (name == "before") {
			t.Errorf("%s is named as %s %s", stamp(moment.Time), name, stamp(at))
		}
	}
}

// checkEnd compares a restore of everything with what is archived of the primary.
func (w *world) checkEnd(t *testing.T, in Input) string {
	t.Helper()
	plan, refusal := For(in, Target{Kind: Newest})
	if refusal != nil {
		return "end: " + string(refusal.Reason)
	}
	if at := plan.Proven; !at.IsZero() && plan.Answer == Reachable {
		got, err := w.recover(w.set(plan.Label, plan.SetRepo), plan.Repo, plan.Timeline, at)
		if err != nil || !got.stopped || !slices.Equal(got.rows, w.truth(at)) {
			t.Errorf("%s, proven on the way to the end by %v: stopped %t, %v, rows %v, want %v", stamp(at), plan.Args(), got.stopped, err, got.rows, w.truth(at))
		}
		if named, refusal := For(in, Target{Kind: Time, Time: at}); refusal != nil || named.Answer != Reachable {
			t.Errorf("%s, proven on the way to the end, is by name %s, %s, %v", stamp(at), named.Answer, named.Why, refusal)
		}
	}
	got, err := w.recover(w.set(plan.Label, plan.SetRepo), plan.Repo, plan.Timeline, time.Time{})
	switch {
	case plan.Answer == NotProven && w.foreignIn(plan):
		return "end: NotProven"
	case err != nil:
		t.Errorf("the end of the archive by %v fails: %v", plan.Args(), err)
	case plan.Answer == Reachable && !w.isOf(plan.Timeline, got.rows):
		t.Errorf("the end of the archive is called reachable (%s) by %v, and %d rows are not those of timeline %d", plan.Why, plan.Args(), len(got.rows), plan.Timeline)
	case plan.Answer == Reachable && in.LastArchived != "" && w.branches[plan.Timeline].stray:
		t.Errorf("the end of the archive is called reachable (%s) by %v, and a copy has archived that", plan.Why, plan.Args())
	case (got.last.Before(plan.ExpectTime) || got.end < plan.ExpectLSN) && (plan.Answer == Reachable || !w.lostBehind(got.end)):
		t.Errorf("the end of the archive by %v is %s, %s, and %s, %s was expected", plan.Args(), stamp(got.last), got.end, stamp(plan.ExpectTime), plan.ExpectLSN)
	}
	for _, f := range w.files {
		if !f.lost && f.segment.Timeline == plan.Timeline && worldSegment.Start(f.segment.Number) >= got.end {
			t.Errorf("the end of the archive by %v is %s, and segment %s is there", plan.Args(), got.end, worldSegment.Name(f.segment))
		}
	}
	return "to the end"
}

// isOf reports whether rows are the first of those that were committed on the way to the
// end of a timeline.
func (w *world) isOf(timeline uint32, rows []int) bool {
	all := lineage(w.branches[timeline])
	return len(rows) <= len(all) && slices.EqualFunc(rows, all[:len(rows)], func(row int, c commit) bool { return row == c.row })
}

// lostBehind reports whether WAL behind a position is lost. Then an expectation is not met,
// and that is what it is for.
func (w *world) lostBehind(end wal.LSN) bool {
	return slices.ContainsFunc(w.files, func(f file) bool { return f.lost && worldSegment.Start(f.segment.Number) >= end })
}
