// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// finish adds what a person wants to know of the plan.
func (p *planner) finish(o *outcome) {
	plan := &o.plan
	plan.Lost = p.lose(o)
	plan.Estimate = estimate(p.in.Drills, plan.DatabaseBytes, plan.WALBytes)
	plan.NeedBytes, plan.FreeBytes = needBytes(plan.DatabaseBytes), p.in.FreeBytes
	if plan.Current {
		plan.Notes = append(plan.Notes, fmt.Sprintf("%s the history of timeline %d: the target timeline is the word current, which is that of the backup", lacking(plan.Repo), plan.Timeline))
	}
	for _, problem := range p.problems {
		plan.Notes = append(plan.Notes, "not considered, because it cannot be read: "+problem)
	}
	for _, label := range slices.Sorted(maps.Keys(p.broken)) {
		if b := p.broken[label]; b.stop.After(plan.SetStop) && (plan.Kind != Time || b.stop.Before(plan.Target)) {
			plan.Notes = append(plan.Notes, b.why+", so an older one is taken")
		}
	}
	all := p.archive(o.set.system, pgbackrest.AllRepos)
	for _, t := range sortedTimelines(all) {
		if all.stray[t.number] {
			plan.Notes = append(plan.Notes, fmt.Sprintf("timeline %d in the archive is not the primary's: a copy of the database has archived. It is left out", t.number))
		}
	}
}

// lacking begins a sentence about something that is not in a repo, or in none.
func lacking(repo int) string {
	if repo == pgbackrest.AllRepos {
		return "no repo has"
	}
	return repoName(repo) + " does not have"
}

// lose says what the restored database will not have.
func (p *planner) lose(o *outcome) Lost {
	lost := Lost{Slots: slices.Clone(p.in.Slots)}
	if o.plan.Kind == Latest || o.plan.Kind == Newest {
		return lost
	}
	from := o.plan.Target
	if o.plan.Kind == Immediate {
		from = o.plan.SetStop
	}
	var newest time.Time
	for _, k := range p.known(o.set.system, pgbackrest.AllRepos) {
		if k.Time.After(newest) {
			newest = k.Time
		}
	}
	if newest.After(from) {
		span := newest.Sub(from)
		lost.Span = &span
	}
	all := p.archive(o.set.system, pgbackrest.AllRepos)
	number, ok := all.live(time.Time{})
	if !ok || all.track(number) == nil {
		return lost
	}
	if end, on := all.track(number).newest(); on && end > o.last {
		lost.WALBytes = int64(end-o.last) * p.size.Bytes() //nolint:gosec // both are segments of a listing
	}
	return lost
}

// needBytes is the room for a database beside the old one.
func needBytes(databaseBytes int64) int64 { return databaseBytes + databaseBytes/10 }

// room refuses a plan for which the volume is too small.
func (p *planner) room(plan Plan) *Refusal {
	if plan.FreeBytes == nil || *plan.FreeBytes >= plan.NeedBytes {
		return nil
	}
	return refuse(NoRoom, fmt.Sprintf("a restore from backup %s needs %s beside the old directory, and the volume has %s left: enlarge it, or restore into another volume", plan.Label, gibibytes(plan.NeedBytes), gibibytes(*plan.FreeBytes)))
}

// estimate computes the time from the rates of drills.
func estimate(drills []Measured, databaseBytes, walBytes int64) *Estimate {
	var e Estimate
	var restores, replays []time.Duration
	for _, d := range drills {
		if d.DatabaseBytes <= 0 || d.Restore <= 0 {
			continue
		}
		restore := scale(d.Restore, databaseBytes, d.DatabaseBytes)
		replay := d.Replay
		if d.WALBytes > 0 {
			replay = scale(d.Replay, walBytes, d.WALBytes)
		}
		restores, replays = append(restores, restore), append(replays, replay+d.FirstQuery)
		if sum := restore + replay + d.FirstQuery; e.Low == 0 || sum < e.Low {
			e.Low = sum
		}
		e.High = max(e.High, restore+replay+d.FirstQuery)
		e.Drills = append(e.Drills, d.At)
	}
	if len(e.Drills) == 0 {
		return nil
	}
	slices.SortFunc(e.Drills, func(a, b time.Time) int { return b.Compare(a) })
	e.Restore, e.Replay = mean(restores), mean(replays)
	return &e
}

func scale(d time.Duration, part, of int64) time.Duration {
	return time.Duration(float64(d) * float64(part) / float64(of))
}

func mean(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}

func gibibytes(bytes int64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/(1<<30)) }
