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

// outcome is a plan or a refusal, and what it was made of.
type outcome struct {
	plan    Plan
	refusal *Refusal
	set     set
	track   *track
	// last is the last segment that is needed.
	last uint64
	// proven moments on the way to the end, the newest first.
	proven []time.Time
}

// better returns the better of two outcomes: one that is surer, begins with the newer set
// and needs one repo only. Of two that are not proven, that is surer which has all there is.
func better(a, b outcome) outcome {
	if a.track == nil && a.refusal == nil {
		return b
	}
	rank := func(o outcome) int {
		switch {
		case o.refusal != nil:
			return 0
		case o.plan.Answer == NotProven && !o.plan.EndIsSame:
			return 1
		case o.plan.Answer == NotProven:
			return 2
		}
		return 3
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
