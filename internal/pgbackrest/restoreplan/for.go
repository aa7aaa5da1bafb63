// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
		if s.major == p.major && (oldest.IsZero() || s.earliest().Before(oldest)) {
			oldest = s.earliest()
		}
	}
	for _, k := range p.known(in.OnlyRepo) {
		if k.Heartbeat && k.Time.After(newest) {
			newest = k.Time
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
	p.finish(&best)
	return best.plan, p.room(best.plan)
}

// candidates are the sets from which a restore can begin, the newest first.
func (p *planner) candidates(target Target) ([]set, *Refusal) {
	sets, refusal := p.named(target.Set)
	if refusal != nil {
		return nil, refusal
	}
	if target.Kind == Time {
		early := slices.DeleteFunc(slices.Clone(sets), func(s set) bool { return s.earliest().After(target.Time) })
		switch {
		case len(early) > 0:
			sets = early
		case target.Set != "":
			return nil, refuse(SetTooYoung, fmt.Sprintf("backup %s ended at %s, so it can be restored to %s and later, not to %s; pgBackRest would not check that: leave out --set, or take an older one",
				target.Set, stamp(sets[0].Stop), stamp(sets[0].earliest()), stamp(target.Time)))
		default:
			oldest := sets[len(sets)-1]
			return nil, refuse(BeforeOldest, fmt.Sprintf("%s is before the end of every backup that can be restored: the oldest, %s in repo%d, can be restored to %s and later%s",
				stamp(target.Time), oldest.Label, oldest.RepoKey, stamp(oldest.earliest()), p.brokenText()))
		}
	}
	fitting := slices.DeleteFunc(slices.Clone(sets), func(s set) bool { return s.major != p.major })
	if len(fitting) == 0 {
		return nil, refuse(VersionDiffers, fmt.Sprintf("the backups for that are of PostgreSQL %s, such as %s, and this PostgreSQL is %d: restore into a pod with the image of that version",
			sets[0].system.version, sets[0].Label, p.major))
	}
	return fitting, nil
}

// named are the sets of a label, all without one.
func (p *planner) named(label string) ([]set, *Refusal) {
	sets := p.sets
	if label != "" {
		sets = slices.DeleteFunc(slices.Clone(p.sets), func(s set) bool { return s.Label != label })
	}
	switch {
	case len(sets) > 0:
		return sets, nil
	case label != "" && p.broken[label].why != "":
		return nil, refuse(Unreadable, p.broken[label].why+": take another one")
	case label != "":
		return nil, refuse(NoRepo, fmt.Sprintf("%s holds no backup %s: kubectl stanzaflow backups lists them", p.repoText(), label))
	case len(p.broken) > 0:
		return nil, refuse(Unreadable, "no backup can be restored"+p.brokenText())
	}
	return nil, refuse(NoRepo, p.repoText()+" holds no backup: nothing can be restored")
}

func (p *planner) repoText() string {
	names := make([]string, 0, len(p.repos))
	for _, repo := range p.repos {
		names = append(names, repoName(repo))
	}
	if len(names) == 1 {
		return names[0]
	}
	return "none of " + strings.Join(names, ", ")
}

// brokenText is the end of a sentence about the backups that do not count.
func (p *planner) brokenText() string {
	if len(p.broken) == 0 {
		return ""
	}
	var texts []string
	for _, b := range p.broken {
		texts = append(texts, b.why)
	}
	slices.Sort(texts)
	const few = 3
	if len(texts) > few {
		texts = append(texts[:few], fmt.Sprintf("and %d more", len(texts)-few))
	}
	return "; these do not count: " + strings.Join(texts, "; ")
}

// known are the known moments of a repo, or of all.
func (p *planner) known(repo int) []Known {
	return slices.DeleteFunc(slices.Clone(p.in.Known), func(k Known) bool {
		return repo != pgbackrest.AllRepos && k.Repo != 0 && k.Repo != repo || k.Time.IsZero()
	})
}

// outcome is a plan or a refusal, and what it was made of.
type outcome struct {
	plan    Plan
	refusal *Refusal
	set     set
	track   *track
	// last is the last segment that is needed.
	last uint64
}

// better returns the better of two outcomes: one that is surer, begins with the newer set
// and needs one repo only.
func better(a, b outcome) outcome {
	if a.track == nil && a.refusal == nil {
		return b
	}
	rank := func(o outcome) int {
		switch {
		case o.refusal != nil:
			return 0
		case o.plan.Answer == NotProven:
			return 1
		}
		return 2
	}
	order := cmp.Or(rank(b)-rank(a), b.plan.SetStop.Compare(a.plan.SetStop))
	if order == 0 && a.refusal == nil {
		order = cmp.Compare(a.plan.repoOrder(), b.plan.repoOrder())
	}
	if order > 0 {
		return b
	}
	return a
}

// repoOrder puts all repos together behind each single one.
func (p Plan) repoOrder() int {
	if p.Repo == pgbackrest.AllRepos {
		return 1 << 16
	}
	return p.Repo
}

// planOf plans with the sets of one system.
func (p *planner) planOf(of system, target Target, sets []set) outcome {
	if target.Kind == Immediate {
		return p.best(sets, func(s set, repo int) outcome { return p.immediate(s, repo) })
	}
	all := p.archive(of, pgbackrest.AllRepos)
	stray := all.stray(p.in.Known)
	number, ok := all.live(target.Time, stray)
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
	if later := p.throughFork(all, number, target, sets, stray); later.track != nil {
		return later
	}
	if first.refusal == nil {
		return first
	}
	return p.elsewhere(all, number, target, sets, first, stray)
}

// throughFork proves a moment by what is known of a later timeline: if the moment is before
// the position at which the primary left its timeline, the way to the later one leads
// through it. A backup that began after the moment shows that.
func (p *planner) throughFork(all *archive, number uint32, target Target, sets []set, stray map[uint32]bool) outcome {
	for _, later := range sortedTimelines(all) {
		t := all.track(later.number)
		if later.number <= number || stray[later.number] || t == nil {
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

// elsewhere plans for a moment that is not on the timeline on which the primary seems to
// have been: the next one may have begun before its history was archived, and the one
// before may have been in use for longer.
func (p *planner) elsewhere(all *archive, seems uint32, target Target, sets []set, first outcome, stray map[uint32]bool) outcome {
	for _, other := range all.others(seems, target.Time, stray) {
		o := p.toTime(all, other.number, target, sets)
		if o.refusal != nil {
			continue
		}
		o.plan.Answer = NotProven
		o.plan.Why = fmt.Sprintf("timeline %d does not contain the target, and timeline %d began at %s at the latest: nobody knows whether it had begun at the target", seems, other.number, stamp(other.begun))
		if other.number < seems {
			o.plan.Why = fmt.Sprintf("timeline %d does not contain the target, and WAL of timeline %d was still archived after it: timeline %d may be that of a copy", seems, other.number, seems)
		}
		return o
	}
	return first
}

// or returns the refusal if there is no outcome.
func (o outcome) or(refusal *Refusal) outcome {
	if o.track == nil && o.refusal == nil {
		return outcome{refusal: refusal}
	}
	return o
}

// best tries every set in its own repo, and in all repos together.
func (p *planner) best(sets []set, try func(s set, repo int) outcome) outcome {
	var best outcome
	var others []int
	for _, s := range sets {
		o := try(s, s.RepoKey)
		if o.refusal == nil && o.plan.Answer == Reachable {
			others = append(others, s.RepoKey)
		}
		if sure := o.refusal == nil && o.plan.Answer == Reachable; !sure && len(p.repos) > 1 && p.findsAlone(s) {
			o = p.mixed(s, o, try)
		}
		best = better(best, o)
	}
	slices.Sort(others)
	for _, repo := range slices.Compact(others) {
		if repo != best.plan.SetRepo {
			best.plan.AlsoIn = append(best.plan.AlsoIn, repo)
		}
	}
	return best
}

// findsAlone reports whether pgBackRest finds a set by its label alone: it takes the first
// repo that has the label.
func (p *planner) findsAlone(s set) bool {
	return !slices.ContainsFunc(p.in.Info.Backups, func(b pgbackrest.Backup) bool { return b.Label == s.Label && b.RepoKey < s.RepoKey })
}

// mixed tries a set with the WAL of all repos, if that is better than its own repo alone.
func (p *planner) mixed(s set, alone outcome, try func(s set, repo int) outcome) outcome {
	o := try(s, pgbackrest.AllRepos)
	if o.refusal != nil && alone.refusal != nil {
		return o // It has considered more.
	}
	if better(alone, o).plan.Repo == alone.plan.Repo && alone.refusal == nil {
		return alone
	}
	own := p.archive(s.system, s.RepoKey)
	for number := p.size.Number(s.start); number <= o.last; number++ {
		segment := wal.Segment{Timeline: o.track.path.Timeline(number, p.size), Number: number}
		if _, ok := own.segments[segment]; !ok {
			o.plan.Filled = append(o.plan.Filled, p.size.Name(segment))
		}
	}
	why := alone.plan.Why
	if alone.refusal != nil {
		why = alone.refusal.Message
	}
	o.plan.Notes = append(o.plan.Notes, fmt.Sprintf("%s alone does not do: %s. Another repo has more, so the command must not name a repo", repoName(s.RepoKey), why))
	return o
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
