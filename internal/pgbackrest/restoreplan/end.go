// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// toEnd plans a restore of everything on a timeline from one set.
func (p *planner) toEnd(s set, repo int, number uint32, kind Kind) outcome {
	a, refusal := p.attempt(s, repo, number)
	if refusal != nil {
		return outcome{refusal: refusal}
	}
	if a.lacksKnown() {
		return outcome{refusal: a.missingFrom(a.end + 1)}
	}
	if refusal := cmp.Or(a.astray(), p.lost(a, repo, number)); refusal != nil {
		return outcome{refusal: refusal}
	}
	restoreType := TypeStandby
	if kind == Newest {
		restoreType = TypeDefault
	}
	written := a.t.written(a.end)
	why := fmt.Sprintf("the archive ends with segment %s, archived at %s", a.t.name(a.end), stamp(written.Add(-time.Second)))
	answer := Reachable
	if doubt := a.doubt(a.end); doubt != "" {
		answer, why = NotProven, doubt
	}
	o := a.outcome(kind, restoreType, answer, why, a.end)
	a.expect(&o.plan)
	if all := p.archive(s.system, pgbackrest.AllRepos); all.archivedBefore(all.timelines[number]) {
		o.plan.Answer = NotProven
		o.plan.Why += fmt.Sprintf("; the primary has archived %s last, so timeline %d is that of a copy, or has begun just now", p.size.Name(*all.last), number)
	}
	o.proven = a.proven()
	return o
}

// proven are the moments that are proven by what is known, the newest first: that of a
// heartbeat, and a microsecond before a commit.
func (a attempt) proven() []time.Time {
	var moments []time.Time
	for _, k := range a.known {
		at := k.Time.UTC()
		if !k.Heartbeat {
			at = at.Add(-time.Microsecond)
		}
		at = at.Truncate(time.Microsecond)
		if _, why := a.proof(at); why != "" && !at.Before(a.set.earliest()) {
			moments = append(moments, at)
		}
	}
	slices.SortFunc(moments, func(a, b time.Time) int { return b.Compare(a) })
	return moments
}

// expect says what a recovery to the end must reach, and whether it is known to be there.
func (a attempt) expect(plan *Plan) {
	plan.ExpectLSN = a.p.size.Start(a.end)
	var there time.Time
	for _, k := range a.known {
		if _, ok := a.t.lower(k); ok && !k.Bound {
			plan.ExpectLSN = max(plan.ExpectLSN, k.LSN)
		}
		if !a.t.commits(k) {
			continue
		}
		if k.Time.After(plan.ExpectTime) {
			plan.ExpectTime = k.Time.UTC()
		}
		if number, ok := a.t.upper(k); (k.Timeline != a.t.number || ok && number <= a.end) && k.Time.After(there) {
			there = k.Time
		}
	}
	if !there.IsZero() {
		plan.Why += "; commits up to " + stamp(there) + " are known to be in it"
	}
	if plan.ExpectTime.After(there) {
		plan.Answer = NotProven
		plan.Why += "; a commit of " + stamp(plan.ExpectTime) + " was archived, and nothing shows that it is in it"
	}
}

// astray refuses a run that ends before the segment in which a timeline begins, if the
// timeline before has a segment of that number: PostgreSQL takes that one instead, and
// follows what was left.
func (a attempt) astray() *Refusal {
	next := a.end + 1
	for _, fork := range a.t.path {
		segment := wal.Segment{Timeline: fork.Timeline, Number: next}
		if _, there := a.t.archive.segments[segment]; !there || a.p.size.Number(fork.At) != next {
			continue
		}
		refusal := a.missingFrom(next)
		refusal.Message += fmt.Sprintf(": it is the first of its timeline, and PostgreSQL would take %s and follow timeline %d, which the primary has left. Repeat this when it is archived, or name a moment with --to", a.p.size.Name(segment), fork.Timeline)
		return refusal
	}
	return nil
}

// lost refuses an end of the archive that is not the end: the primary was on a newer
// timeline, or another repo has more.
func (p *planner) lost(a attempt, repo int, number uint32) *Refusal {
	for _, k := range a.known {
		if k.Timeline > number {
			return refuse(OtherTimeline, fmt.Sprintf("the primary was on timeline %d at %s, and the archive ends on timeline %d: %s and its WAL are missing", k.Timeline, stamp(k.Time), number, wal.HistoryName(k.Timeline)))
		}
	}
	if repo == pgbackrest.AllRepos || p.in.OnlyRepo != 0 {
		return nil
	}
	if all := p.archive(a.set.system, pgbackrest.AllRepos).track(number); all != nil {
		if newest, _ := all.newest(); newest > a.end {
			return a.missingFrom(a.end + 1)
		}
	}
	return nil
}
