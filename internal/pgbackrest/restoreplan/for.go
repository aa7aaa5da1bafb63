// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// For plans a restore, or says why there is none.
func For(in Input, target Target) (Plan, *Refusal) {
	p, refusal := newPlanner(in)
	if refusal != nil {
		return Plan{}, refusal
	}
	plan, refusal := p.plan(target)
	if refusal == nil {
		return plan, nil
	}
	p.nameNearest(target, refusal)
	if in.OnlyRepo != 0 && refusal.DataMissing() {
		in.OnlyRepo = 0
		if all, unreadable := newPlanner(in); unreadable == nil {
			if _, without := all.plan(target); without == nil {
				refusal.Message += "; another repo has it: leave out --repo"
			}
		}
	}
	return Plan{}, refusal
}

// Window returns the moments between which a drill picks one: from the end of the oldest
// backup to the newest heartbeat. It is false if either is unknown.
func Window(in Input) (oldest, newest time.Time, ok bool) {
	p, refusal := newPlanner(in)
	if refusal != nil {
		return time.Time{}, time.Time{}, false
	}
	for _, s := range p.sets {
		if s.major != p.major {
			continue
		}
		if oldest.IsZero() || s.earliest().Before(oldest) {
			oldest = s.earliest()
		}
		for _, k := range p.known(s.system, in.OnlyRepo) {
			if k.Heartbeat && k.Time.After(newest) {
				newest = k.Time
			}
		}
	}
	return oldest, newest, !oldest.IsZero() && newest.After(oldest)
}

// plan plans without the nearest moments.
func (p *planner) plan(target Target) (Plan, *Refusal) {
	sets, refusal := p.candidates(target)
	if refusal != nil {
		return Plan{}, refusal
	}
	var best outcome
	for _, of := range systemsOf(sets) {
		best = better(best, p.planOf(of, target, slices.DeleteFunc(slices.Clone(sets), func(s set) bool { return s.system != of })))
	}
	if best.refusal != nil {
		return Plan{}, best.refusal
	}
	best.plan.Proven = p.newestProven(best)
	p.finish(&best)
	return best.plan, p.room(best.plan)
}

// newestProven is the newest moment on the way to an end that is reachable when it is asked
// for by itself. Zero if there is none.
func (p *planner) newestProven(end outcome) time.Time {
	for _, at := range end.proven {
		target := Target{Kind: Time, Time: at}
		sets, refusal := p.candidates(target)
		if refusal != nil {
			continue
		}
		sets = slices.DeleteFunc(sets, func(s set) bool { return s.system != end.set.system })
		if o := p.planOf(end.set.system, target, sets); o.refusal == nil && o.plan.Answer == Reachable && o.plan.Timeline == end.plan.Timeline {
			return at
		}
	}
	return time.Time{}
}

// planOf plans with the sets of one system.
func (p *planner) planOf(of system, target Target, sets []set) outcome {
	if target.Kind == Immediate {
		return p.best(sets, func(s set, repo int) outcome { return p.immediate(s, repo) })
	}
	all := p.archive(of, pgbackrest.AllRepos)
	number, ok := all.live(target.Time)
	if !ok {
		return outcome{refusal: refuse(OtherTimeline, "nothing is known of the timeline at "+stamp(target.Time))}
	}
	if target.Kind != Time {
		return p.best(p.onPath(all, number, sets), func(s set, repo int) outcome { return p.toEnd(s, repo, number, target.Kind) }).
			or(p.noSet(all, number, target, sets))
	}
	first := p.toTime(all, number, target, sets)
	if first.refusal == nil && first.plan.Answer == Reachable {
		return first
	}
	if later := p.throughFork(all, number, target, sets); later.track != nil {
		return later
	}
	if later := p.inCopy(all, number, target, sets); later.track != nil {
		return later
	}
	if first.refusal == nil {
		return first
	}
	return p.elsewhere(all, number, target, sets, first)
}

// throughFork proves a moment by what is known of a later timeline: if the moment is before
// the position at which the primary left its timeline, the way to the later one leads
// through it. A backup that began after the moment shows that.
func (p *planner) throughFork(all *archive, number uint32, target Target, sets []set) outcome {
	for _, later := range sortedTimelines(all) {
		t := all.track(later.number)
		if later.number <= number || all.stray[later.number] || t == nil {
			continue
		}
		if !slices.ContainsFunc(all.sets, func(s set) bool {
			return s.timeline == number && !s.Start.Before(target.Time) && t.path.Has(number, s.start)
		}) {
			continue
		}
		if o := p.toTime(all, later.number, target, sets); o.refusal == nil && o.plan.Answer == Reachable {
			return o
		}
	}
	return outcome{}
}

// inCopy plans for a moment at which a later timeline may have begun, because its files are
// those of a copy of the repo and do not say when. What was left of the timeline before
// does not reach the moment for certain, and this does.
func (p *planner) inCopy(all *archive, number uint32, target Target, sets []set) outcome {
	for _, later := range sortedTimelines(all) {
		if later.number <= number || all.stray[later.number] || !later.copied() {
			continue
		}
		if o := p.toTime(all, later.number, target, sets); o.refusal == nil && o.plan.Answer == Reachable {
			o.plan.Answer = NotProven
			o.plan.Why = fmt.Sprintf("%s, on the way to timeline %d, and nobody knows when that began: its files in the archive are of %s, younger than what was made on it, as in a repo that was copied. If it began later, and timeline %d was left at an earlier position, what was committed there is not in it", o.plan.Why, later.number, stamp(later.archived), number)
			return o
		}
	}
	return outcome{}
}

// elsewhere plans for a moment that is not on the timeline on which the primary seems to
// have been: the next one may have begun before its history was archived, and the one
// before may have been in use for longer.
func (p *planner) elsewhere(all *archive, seems uint32, target Target, sets []set, first outcome) outcome {
	for _, other := range all.others(seems, target.Time) {
		o := p.toTime(all, other.number, target, sets)
		if o.refusal != nil {
			continue
		}
		o.plan.Answer, o.plan.EndIsSame = NotProven, false
		o.plan.Why = fmt.Sprintf("timeline %d does not contain the target, and timeline %d began at %s at the latest: nobody knows whether it had begun at the target", seems, other.number, stamp(other.begun))
		if other.number < seems {
			o.plan.Why = fmt.Sprintf("timeline %d does not contain the target, and WAL of timeline %d was still archived after it: timeline %d may be that of a copy", seems, other.number, seems)
		}
		return o
	}
	return first
}

// onPath are the sets that lie on the path to a timeline. A set must end before the path
// leaves its timeline: before its end it is not consistent.
func (p *planner) onPath(all *archive, number uint32, sets []set) []set {
	t := all.track(number)
	if t == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(sets), func(s set) bool { return !t.path.Has(s.timeline, s.stop) })
}

// noSet says why no set leads to a timeline.
func (p *planner) noSet(all *archive, number uint32, target Target, sets []set) *Refusal {
	what := "the newest timeline"
	if target.Kind == Time {
		what = "the timeline of " + stamp(target.Time)
	}
	if all.track(number) == nil {
		return refuse(OtherTimeline, fmt.Sprintf("%s is %d, and its history %s cannot be read", what, number, wal.HistoryName(number)))
	}
	why := fmt.Sprintf("none of the %d backups before is on the way to it", len(sets))
	if target.Set != "" {
		why = fmt.Sprintf("backup %s is on timeline %d, which does not lead to it", target.Set, sets[0].timeline)
	}
	if t := all.timelines[number]; !t.listed && number > 1 {
		why += "; " + wal.HistoryName(number) + " is not in the archive"
	}
	return refuse(OtherTimeline, fmt.Sprintf("%s is %d, and %s", what, number, why))
}

// stamp is a moment in a message, in UTC.
func stamp(t time.Time) string {
	return t.UTC().Format("2006-01-02 15:04:05.999999") + "+00"
}
