// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

func sortedTimelines(a *archive) []*timeline {
	all := make([]*timeline, 0, len(a.timelines))
	for _, number := range slices.Sorted(maps.Keys(a.timelines)) {
		all = append(all, a.timelines[number])
	}
	return all
}

// clocks is how far the clock of a store may be from that of the database.
const clocks = time.Minute

// attempt is one set with the WAL of one repo or of all, on the way to one timeline.
type attempt struct {
	p    *planner
	set  set
	repo int
	t    *track
	// first and end are the run of segments without a gap.
	first, end uint64
	known      []Known
}

// attempt prepares an attempt, or says why it fails at once.
func (p *planner) attempt(s set, repo int, number uint32) (attempt, *Refusal) {
	a := attempt{p: p, set: s, repo: repo, first: p.size.Number(s.start), known: p.known(s.system, repo)}
	archive := p.archive(s.system, repo)
	if number != s.timeline && !p.archive(s.system, s.RepoKey).lists(number) {
		return a, a.gap("the history "+wal.HistoryName(number), a.whereHistory(archive, number), nil)
	}
	if a.t = archive.track(number); a.t == nil {
		return a, a.gap("the history "+wal.HistoryName(number), "", nil)
	}
	end, ok := a.t.run(a.first)
	if !ok {
		return a, a.missingFrom(a.first)
	}
	a.end = end
	if stop := p.size.LastNumber(s.stop); end < stop {
		return a, a.missingFrom(end + 1)
	}
	return a, nil
}

// whereHistory says where a history must be that the repo of the set lacks.
func (a attempt) whereHistory(in *archive, number uint32) string {
	if !in.lists(number) {
		return ""
	}
	return fmt.Sprintf("is in another repo only, and pgBackRest looks for it in %s, where the backup is", repoName(a.set.RepoKey))
}

// gap is the refusal for something that is not there, or says why it is of no use.
func (a attempt) gap(what, why string, missing []string) *Refusal {
	where := "any repo"
	if a.repo != pgbackrest.AllRepos {
		where = repoName(a.repo)
	}
	verb, it := "is", "it"
	if len(missing) > 1 {
		verb, it = "are", "them"
	}
	if why == "" {
		why = fmt.Sprintf("%s not in %s", verb, where)
	}
	r := refuse(Gap, fmt.Sprintf("%s %s, and a restore from backup %s needs %s", what, why, a.set.Label, it))
	r.Missing = missing
	return r
}

// missingFrom is the refusal for segments from a number on.
func (a attempt) missingFrom(from uint64) *Refusal {
	if damage, ok := a.t.archive.damaged[a.t.segment(from)]; ok {
		name := a.t.name(from)
		return a.gap("WAL segment "+name, damage.why, []string{name})
	}
	to := max(from, a.mustReach())
	names := a.t.missing(from, to)
	text := "WAL segment " + names[0]
	if len(names) > 1 {
		text = fmt.Sprintf("WAL segments %s to %s", names[0], names[len(names)-1])
	}
	return a.gap(text, "", names)
}

// mustReach is the last segment on the path that is known to have been archived, 0 without
// one.
func (a attempt) mustReach() uint64 {
	last, _ := a.t.newest()
	for _, k := range a.known {
		if number, ok := a.t.lower(k); ok {
			last = max(last, number)
		}
	}
	if by := a.t.archive.last; by != nil && a.t.path.Has(by.Timeline, a.p.size.Start(by.Number)) {
		last = max(last, by.Number)
	}
	return last
}

// lacksKnown reports whether WAL behind the run must be there: by its position, or because
// a commit was archived later than the end of the run.
func (a attempt) lacksKnown() bool {
	return a.mustReach() > a.end || slices.ContainsFunc(a.known, func(k Known) bool {
		return k.LSN == 0 && a.t.commits(k) && k.Time.After(a.t.written(a.end).Add(clocks))
	})
}

// toTime plans the best restore to a moment on one timeline.
func (p *planner) toTime(all *archive, number uint32, target Target, sets []set) outcome {
	o := p.best(p.onPath(all, number, sets), func(s set, repo int) outcome { return p.timeFrom(s, repo, number, target.Time) }).
		or(p.noSet(all, number, target, sets))
	if o.refusal == nil {
		p.noteBranch(all, &o)
	}
	return o
}

// timeFrom plans a restore to a moment from one set.
func (p *planner) timeFrom(s set, repo int, number uint32, at time.Time) outcome {
	a, refusal := p.attempt(s, repo, number)
	if refusal != nil {
		return outcome{refusal: refusal}
	}
	last, why := a.proof(at)
	answer := Reachable
	if why == "" {
		if refusal := cmp.Or(a.beyond(at), a.astray()); refusal != nil {
			return outcome{refusal: refusal}
		}
		answer, why = NotProven, a.notProven(at)
		last = a.end
	}
	isEnd := answer == NotProven && a.isEnd()
	if doubt := a.doubt(last); doubt != "" {
		answer, why, isEnd = NotProven, doubt, false
	}
	o := a.outcome(Time, TypeTime, answer, why, min(last, a.firstAfter(at)))
	o.plan.Target, o.plan.ExpectTime = at.UTC(), at.UTC()
	o.plan.EndIsSame = isEnd
	return o
}

// proof returns the last segment that is needed at most to reach a moment, and the sentence
// that proves it. The sentence is empty if nothing does.
func (a attempt) proof(at time.Time) (last uint64, why string) {
	var by *Known
	for i, k := range a.known {
		if k.Bound || k.Time.Before(at) || !k.Heartbeat && k.Time.Equal(at) {
			continue
		}
		if number, ok := a.t.upper(k); ok && number <= a.end && (by == nil || k.Time.Before(by.Time)) {
			by, last = &a.known[i], number
		}
	}
	if by == nil {
		return 0, ""
	}
	return last, fmt.Sprintf("commits up to %s are known to be archived", stamp(by.Time))
}

// beyond refuses a moment whose end of recovery is behind the run: what was written after
// it is needed, and not there.
func (a attempt) beyond(at time.Time) *Refusal {
	written := a.t.written(a.end)
	behind := !written.After(at)
	for _, k := range a.known {
		if number, ok := a.t.lower(k); ok && k.Time.Before(at) && number > a.end {
			behind = true
		}
	}
	switch {
	case !behind:
		return nil
	case a.lacksKnown():
		return a.missingFrom(a.end + 1)
	}
	return refuse(AfterNewest, fmt.Sprintf("%s is after everything that is archived: the last WAL segment, %s, was archived at %s, and nothing later can be in the archive. To restore all there is, use --to latest",
		stamp(at), a.t.name(a.end), stamp(written.Add(-time.Second))))
}

func (a attempt) notProven(at time.Time) string {
	written := a.t.written(a.end)
	text := fmt.Sprintf("all WAL is there up to segment %s, archived at %s, but no commit after the target is known to be in it", a.t.name(a.end), stamp(written.Add(-time.Second)))
	if a.lacksKnown() {
		why := "is missing"
		if damage, ok := a.t.archive.damaged[a.t.segment(a.end+1)]; ok {
			why = damage.why
		}
		text += "; segment " + a.t.name(a.end+1) + " " + why
	}
	for _, k := range a.known {
		if k.Bound && !k.Time.Before(at) && k.Timeline == a.t.number {
			return text + "; everything committed up to " + stamp(k.Time) + " is archived"
		}
	}
	return text
}

// doubt says that a segment up to the last one may not be the primary's: another repo has it
// with another content. Empty if nothing says that.
func (a attempt) doubt(last uint64) string {
	all := a.p.archive(a.set.system, pgbackrest.AllRepos)
	var names []string
	for segment, damage := range all.damaged {
		if damage.differs && a.t.has(segment) && segment.Number >= a.first && segment.Number <= last {
			names = append(names, a.p.size.Name(segment))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("all WAL is in %s, but segment %s has another content in another repo, and only one of the two can be the primary's", repoName(a.repo), slices.Min(names))
}

// isEnd reports whether the run is the end of what was ever archived, as far as anybody
// knows: nothing is behind it, in whatever repo, and no later timeline.
func (a attempt) isEnd() bool {
	all := a.p.archive(a.set.system, pgbackrest.AllRepos)
	for number := range all.timelines {
		if number > a.t.number && !all.stray[number] {
			return false
		}
	}
	last, err := a.p.size.Parse(a.p.in.LastArchived)
	if err == nil && last.Timeline > a.t.number || slices.ContainsFunc(a.known, func(k Known) bool { return k.Timeline > a.t.number }) {
		return false
	}
	newest := uint64(0)
	if t := all.track(a.t.number); t != nil {
		newest, _ = t.newest()
	}
	return !a.lacksKnown() && newest <= a.end
}

// firstAfter is the first segment that was archived after a moment: usually the one in
// which recovery stops. It is the end of the run if the times of the files are those of a
// copy: the WAL of a backup is archived before pgBackRest ends it.
func (a attempt) firstAfter(at time.Time) uint64 {
	stop := a.p.size.LastNumber(a.set.stop)
	if a.t.written(stop).After(a.set.Stop.Add(clocks)) {
		return a.end
	}
	i, _ := slices.BinarySearch(a.t.numbers, stop)
	for ; i < len(a.t.numbers); i++ {
		if a.t.bound[i].Add(time.Second).After(at) {
			return a.t.numbers[i]
		}
	}
	return a.end
}

// immediate plans a restore to the end of a set.
func (p *planner) immediate(s set, repo int) outcome {
	own := p.archive(s.system, repo)
	// The way to the timeline of the set does not matter: WAL is needed of it alone.
	t := &track{archive: own, number: s.timeline, path: wal.History(nil).Path(s.timeline)}
	t.fill()
	a := attempt{p: p, set: s, repo: repo, t: t, first: p.size.Number(s.start)}
	stop := p.size.LastNumber(s.stop)
	end, ok := t.run(a.first)
	switch {
	case !ok:
		return outcome{refusal: a.missingFrom(a.first)}
	case end < stop:
		return outcome{refusal: a.missingFrom(end + 1)}
	}
	a.end = end
	if doubt := a.doubt(stop); doubt != "" {
		return a.outcome(Immediate, TypeImmediate, NotProven, doubt, stop)
	}
	return a.outcome(Immediate, TypeImmediate, Reachable, "a backup and the WAL of its time are enough", stop)
}

// outcome makes the plan of an attempt.
func (a attempt) outcome(kind Kind, restoreType string, answer Answer, why string, last uint64) outcome {
	in := a.p.archive(a.set.system, a.repo)
	_, seen := in.timelines[a.t.number]
	segments := int(last - a.first + 1) //nolint:gosec // all of them are in a listing
	return outcome{set: a.set, track: a.t, last: last, plan: Plan{
		Answer: answer, Why: why, Kind: kind,
		Stanza: a.p.in.Info.Stanza, Label: a.set.Label, SetRepo: a.set.RepoKey, Repo: a.repo,
		Type: restoreType, Timeline: a.t.number, Current: a.t.number != 1 && seen && !in.lists(a.t.number),
		First: a.t.name(a.first), Last: a.t.name(last), Segments: segments, WALBytes: int64(segments) * a.p.size.Bytes(),
		DatabaseBytes: a.set.DatabaseBytes, SetStop: a.set.Stop,
	}}
}

// noteBranch says that the moment is on a branch that the primary has left.
func (p *planner) noteBranch(all *archive, o *outcome) {
	newest, ok := all.live(time.Time{})
	if !ok || newest == o.plan.Timeline || all.track(newest) == nil {
		return
	}
	end, on := all.track(newest).path.End(o.plan.Timeline)
	if on && p.size.Number(end) >= o.last {
		return
	}
	o.plan.Abandoned = true
	text := fmt.Sprintf("the moment is on timeline %d, which the primary has left: timeline %d does not contain it. The restore works, and what was committed on timeline %d is not in it", o.plan.Timeline, newest, newest)
	if on {
		text = strings.Replace(text, "does not contain it", "begins at "+end.String()+", before it", 1)
	}
	o.plan.Notes = append(o.plan.Notes, text)
}
