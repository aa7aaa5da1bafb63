// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// Before is what the status knew.
type Before struct {
	Archive     *stanzaflowv1alpha1.ArchiveStatus
	Recoverable *stanzaflowv1alpha1.RecoverableStatus
	// Waiting is since when the status waits for the first watch, zero if it does not.
	Waiting time.Time
}

// Input is what a pass knows of a cluster that is watched.
type Input struct {
	Seen Seen
	// Interval between two watches.
	Interval time.Duration
	// Repos are status.repos as the runs have found them.
	Repos []stanzaflowv1alpha1.RepoStatus
	// Objectives of the Stanza, and its schedules, which have one without them.
	Objectives stanzaflowv1alpha1.Objectives
	Schedules  []stanzaflowv1alpha1.ScheduleStatus
	// LastRun is the run that started last. Nil if there was none.
	LastRun *stanzaflowv1alpha1.RunStatus
	Now     time.Time
}

// Result is the status after a pass, and what is wrong.
type Result struct {
	Archive     *stanzaflowv1alpha1.ArchiveStatus
	Recoverable *stanzaflowv1alpha1.RecoverableStatus
	Repos       []stanzaflowv1alpha1.RepoStatus

	// Observed: a watch has reached the cluster, if only once.
	Observed bool
	// Blind: no watch has reached it for too long.
	Blind bool
	// Off: PostgreSQL does not archive at all.
	Off bool
	// RunwayShort: pg_wal fills its volume within Runway.
	RunwayShort bool
	Runway      time.Duration

	// ReposBlind: the primary answers, and what the repos list is not known for too long.
	ReposBlind bool
	// Listed: the repos are known to the status or to a watch.
	Listed bool
	// Empty: no repo lists a backup.
	Empty bool
	// Removed are the repos that do not list the backup that a run has proven there last,
	// nor a newer one.
	Removed []string
	// RPOExceeded: commits are at risk for longer than the objective.
	RPOExceeded bool

	// Wake is when one of these may become true although nothing happens.
	Wake time.Time
}

// Fold adds what the watches have found to what the status knew. The same watches give
// the same status.
func Fold(before Before, in Input) Result {
	r := Result{Repos: foldRepos(in)}
	r.Archive = foldArchive(before.Archive, in.Seen)
	r.judgeSight(before, in)
	now := in.Seen.newest(answered)
	anchor, moved := nextAnchor(before, r.Archive, in.Seen, now)
	r.Recoverable = foldRecoverable(before, r.Archive, in, r.Repos, anchor, moved)
	foldRestorable(r.Recoverable, anchor, now, r.Repos)
	r.Archive = settle(before.Archive, r.Archive, r.Recoverable, in.Seen)
	r.judgeArchive(in)
	r.judgeRecoverable(in)
	return r
}

// BlindAfter is how long no watch may reach a cluster until it is blind.
func BlindAfter(interval time.Duration) time.Duration { return 3*interval + time.Minute }

// judgeSight decides whether the status describes the present.
func (r *Result) judgeSight(before Before, in Input) {
	r.Observed = r.Archive != nil
	last := in.Seen.LastTime()
	if r.Observed && r.Archive.ObservedTime.After(last) {
		last = r.Archive.ObservedTime.Time
	}
	from := last
	switch {
	case in.Seen.LastTime().IsZero() && before.Archive != nil && before.Archive.BlindTime != nil:
		// It was blind before the operator started, and still is.
		r.Blind = true
	case in.Seen.LastTime().IsZero() && r.Observed && in.Seen.Start.After(last):
		// The time of the last watch is not in the status if it has changed nothing there.
		from = in.Seen.Start
	case !r.Observed && before.Waiting.IsZero():
		from = in.Now
	case !r.Observed:
		from = before.Waiting
	}
	if in.Seen.Held.After(from) {
		r.Blind, from = false, in.Seen.Held
	}
	if !r.Blind {
		r.Blind = !in.Now.Before(from.Add(BlindAfter(in.Interval)))
		if !r.Blind {
			r.wake(from.Add(BlindAfter(in.Interval)), in.Now)
		}
	}
	if r.Observed {
		r.Archive.BlindTime = nil
		if r.Blind {
			r.Archive.BlindTime = stamp(last)
			if was := before.Archive; was != nil && was.BlindTime != nil {
				r.Archive.BlindTime = was.BlindTime
			}
		}
	}
	r.ReposBlind = r.Observed && unlisted(in.Seen) >= 3
}

// unlisted is for how many samples in a row the primary has answered and the repos have
// not been listed.
func unlisted(seen Seen) int {
	n := 0
	for i := len(seen.Samples) - 1; i >= 0 && !listed(&seen.Samples[i]); i-- {
		if answered(&seen.Samples[i]) {
			n++
		}
	}
	return n
}

// wake notes a moment that is still to come.
func (r *Result) wake(at, now time.Time) {
	if at.After(now) {
		r.Wake = object.Earliest(r.Wake, at)
	}
}
