// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drillplan

import (
	"math/rand/v2"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// This file alone calls the planner.

// decide has the planner choose, and puts its choice into the plan and the report.
func (p *planning) decide(k known) error {
	in, err := k.input()
	if err != nil {
		return err
	}
	target, err := p.targetOf(in)
	if err != nil {
		return err
	}
	chosen, refusal := restoreplan.For(in, target)
	for draws := 1; draws < maxDraws && refusal == nil && p.isRandom() && chosen.Answer != restoreplan.Reachable; draws++ {
		if target, err = p.targetOf(in); err != nil {
			return err
		}
		chosen, refusal = restoreplan.For(in, target)
	}
	if refusal != nil {
		return p.refused(refusal, target)
	}
	if target.Kind == restoreplan.Time && chosen.Answer != restoreplan.Reachable {
		return attempt.Stop("a drill would prove nothing, because it is not known what it must find: %s", chosen.Why)
	}
	if target.Kind == restoreplan.Newest && chosen.ExpectLSN == 0 {
		return attempt.Stop("a drill would prove nothing: nothing is known of what the archive in %s must have; make a backup first", p.plan.Drill.Repo)
	}
	d := p.report.Drill
	d.Backup, d.Timeline, d.DataMissing = chosen.Label, int(chosen.Timeline), false
	d.DatabaseBytes, d.WALBytes = chosen.DatabaseBytes, chosen.WALBytes
	d.Moment, d.ExpectTime, d.ExpectLSN = nil, nil, ""
	if target.Kind == restoreplan.Time {
		d.Moment, d.ExpectTime = new(chosen.Target), new(chosen.Target)
	}
	if target.Kind == restoreplan.Newest {
		d.ExpectLSN = chosen.ExpectLSN.String()
		if !chosen.ExpectTime.IsZero() {
			d.ExpectTime = new(chosen.ExpectTime)
		}
	}
	p.plan.Timeline, p.plan.BackupEnd = chosen.TimelineText(), chosen.SetStop.UTC()
	p.logf("%s: %s", chosen.Answer, chosen.Why)
	return nil
}

// refused turns a Refusal into a Failure. It may be over at the next attempt only if a repo
// could not be read. That a moment of a person is later than the archive is a mistake of that
// person: nothing is known that should be there.
func (p *planning) refused(refusal *restoreplan.Refusal, target restoreplan.Target) error {
	mistaken := target.Kind == restoreplan.Time && refusal.Reason == restoreplan.AfterNewest
	p.report.Drill.DataMissing = refusal.DataMissing() && !mistaken
	if refusal.Reason == restoreplan.Unreadable {
		return attempt.Retry("%v", refusal)
	}
	return attempt.Stop("%v", refusal)
}

// maxDraws is how often a random moment is drawn until one is proven to be reachable: around
// a failover nothing proves when the last commit of the old timeline was. A moment that is
// refused is not drawn again: what must be there is missing.
const maxDraws = 100

func (p *planning) isRandom() bool {
	return stanzaflowv1alpha1.DrillTarget(p.report.Drill.Target) == stanzaflowv1alpha1.TargetRandom
}

// targetOf is what the planner is asked for. A random moment is picked of the whole window,
// so that old backups have their turn; it is in the report, and can be asked for again.
func (p *planning) targetOf(in restoreplan.Input) (restoreplan.Target, error) {
	d := p.report.Drill
	switch stanzaflowv1alpha1.DrillTarget(d.Target) {
	case stanzaflowv1alpha1.TargetNewest:
		return restoreplan.Target{Kind: restoreplan.Newest}, nil
	case stanzaflowv1alpha1.TargetImmediate:
		return restoreplan.Target{Kind: restoreplan.Immediate}, nil
	case stanzaflowv1alpha1.TargetRandom:
		oldest, newest, ok := restoreplan.Window(in)
		if !ok || newest.Before(oldest) {
			return restoreplan.Target{}, attempt.Stop("there is no moment to pick: no commit after the end of a backup is known to be in %s; make a backup first", p.plan.Drill.Repo)
		}
		return restoreplan.Target{Kind: restoreplan.Time, Time: pick(p.Random, oldest, newest)}, nil
	}
	return restoreplan.Target{Kind: restoreplan.Time, Time: *d.Moment}, nil
}

// pick picks a moment from the oldest to the newest, both included, to the microsecond.
func pick(random *rand.Rand, oldest, newest time.Time) time.Time {
	micros := newest.Sub(oldest).Microseconds()
	return oldest.Add(time.Duration(random.Int64N(micros+1)) * time.Microsecond).UTC()
}

// input is what the planner knows.
func (k known) input() (restoreplan.Input, error) {
	in := restoreplan.Input{
		Info: k.info, OnlyRepo: k.repo, SegmentBytes: wal.Size(k.segmentBytes),
		Repos: map[int]restoreplan.Repo{k.repo: {Archives: k.archives, Histories: k.histories}},
	}
	if h := k.heartbeat; h != nil {
		lsn, err := wal.ParseLSN(h.LSN)
		if err != nil {
			return in, attempt.Stop("the heartbeat is at %v", err)
		}
		in.Known = append(in.Known, restoreplan.Known{Time: h.Time, Timeline: uint32(h.Timeline), LSN: lsn, Heartbeat: true}) //nolint:gosec // PostgreSQL has 32 bits for it.
	}
	in.Known = append(in.Known, k.remembered...)
	return in, nil
}
