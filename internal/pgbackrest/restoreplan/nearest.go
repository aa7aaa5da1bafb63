// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"slices"
	"time"
)

// tries bounds how many moments are tried on each side of a target.
const tries = 200

// nameNearest names the nearest moments that can be restored.
func (p *planner) nameNearest(target Target, refusal *Refusal) {
	moments := p.moments(target.Time)
	at := len(moments)
	switch target.Kind {
	case Time:
		at, _ = slices.BinarySearchFunc(moments, target.Time, time.Time.Compare)
	case Immediate:
		return // Only the backup itself was asked for.
	case Latest, Newest:
	}
	before := slices.Clone(moments[:at])
	slices.Reverse(before)
	if refusal.Reason == NoRoom && target.Kind == Time { // Into another volume it can be restored.
		p.in.FreeBytes = nil
		before = append([]time.Time{target.Time}, before...)
	}
	refusal.Before, refusal.After = p.nearest(before), p.nearest(moments[at:])
}

// nearest returns the first moment that can be restored for certain, or else the first
// that can perhaps.
func (p *planner) nearest(moments []time.Time) *Moment {
	var perhaps *Moment
	for _, at := range moments[:min(len(moments), tries)] {
		plan, refusal := p.plan(Target{Kind: Time, Time: at})
		switch {
		case refusal != nil:
		case plan.Answer == Reachable:
			return &Moment{Time: at, Answer: Reachable}
		case perhaps == nil:
			perhaps = &Moment{Time: at, Answer: NotProven}
		}
	}
	return perhaps
}

// moments are those at which the answer can change, sorted: the ends of the sets, what is
// known, and when segments were archived before a gap.
func (p *planner) moments(except time.Time) []time.Time {
	var moments []time.Time
	for _, s := range p.sets {
		moments = append(moments, s.earliest())
	}
	for _, k := range p.in.Known {
		at := k.Time
		if !k.Heartbeat {
			at = at.Add(-time.Microsecond)
		}
		moments = append(moments, at.Truncate(time.Microsecond))
	}
	for _, of := range systemsOf(p.sets) {
		moments = append(moments, p.archive(of, p.in.OnlyRepo).ends()...)
	}
	slices.SortFunc(moments, time.Time.Compare)
	moments = slices.CompactFunc(moments, time.Time.Equal)
	return slices.DeleteFunc(moments, func(t time.Time) bool { return t.Equal(except) || t.IsZero() })
}

// ends are the times of the last segments of every run.
func (a *archive) ends() []time.Time {
	var times []time.Time
	for _, t := range sortedTimelines(a) {
		way := a.track(t.number)
		if way == nil {
			continue
		}
		for i, number := range way.numbers {
			if way.runEnd[i] == number {
				times = append(times, way.bound[i])
			}
		}
	}
	return times
}
