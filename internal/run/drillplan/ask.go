// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drillplan

import (
	"context"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/remembered"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// known is what was found out for the planner.
type known struct {
	repo      int
	info      pgbackrest.Info
	archives  wal.Listing
	histories map[string]map[uint32]wal.History
	// heartbeat of just now, nil without a primary.
	heartbeat *report.Heartbeat
	// remembered is what earlier runs and drills have found.
	remembered   []restoreplan.Known
	segmentBytes uint64
}

// makePlan asks and plans. The heartbeat comes before the listing, which then has it.
func (p *planning) makePlan(ctx context.Context) error {
	at, err := p.find(ctx)
	if err != nil {
		return err
	}
	k := known{repo: at.repoNumber, remembered: remembered.Moments(at.stanza.Status)}
	if at.primary != nil {
		if err := p.askPrimary(ctx, *at.primary, &k); err != nil {
			return err
		}
	}
	if err := p.askRepo(ctx, at, &k); err != nil {
		return err
	}
	p.plan.Made = p.Clock.Now().UTC()

	if err := p.decide(k); err != nil {
		return err
	}
	p.plan.Report = p.report
	return nil
}

// askPrimary reads the settings, writes a heartbeat and waits until it is in every repo: it
// is what a recovery to the end must find.
func (p *planning) askPrimary(ctx context.Context, primary remote.Place, k *known) error {
	postgres, err := p.cluster.ReadPostgres(ctx, primary)
	if err != nil {
		return err
	}
	if postgres.InRecovery {
		return &attempt.Failure{Held: true, Message: "PostgreSQL in " + primary.String() + " is in recovery although its pod has the label of the primary, nothing is restored: it is a standby or is being restored"}
	}
	k.segmentBytes = postgres.WALSegmentBytes
	settings, err := p.cluster.ReadSettings(ctx, primary)
	if err != nil {
		return err
	}
	p.plan.Primary = drill.Settings{Libraries: settings.Libraries, PreparedTransactions: settings.PreparedTransactions, Locks: settings.Locks}
	p.plan.SystemID = postgres.SystemID
	checked, err := p.cluster.Check(ctx, primary)
	if err != nil {
		return err
	}
	if checked.Heartbeat == nil {
		return attempt.Retry("the heartbeat of PostgreSQL in %s is not in every repo, so nobody knows what a recovery has to reach; a failover may be the cause", primary)
	}
	timeline, err := checked.Heartbeat.Timeline()
	if err != nil {
		return err
	}
	h := checked.Heartbeat
	k.heartbeat = &report.Heartbeat{Time: h.Time.UTC(), LSN: h.LSN, Timeline: timeline, LastArchived: h.LastArchived}
	p.report.Heartbeat = k.heartbeat
	if h.LastArchived != nil {
		p.report.Drill.RPOSeconds = new(max(0, h.Time.Sub(*h.LastArchived).Seconds()))
	}
	return nil
}

// askRepo reads the backups and the archive of the repo.
func (p *planning) askRepo(ctx context.Context, at place, k *known) (err error) {
	if k.info, _, err = p.cluster.Info(ctx, at.repo, at.repoNumber); err != nil {
		return err
	}
	if err := remote.CheckRepo(at.repo, k.info, at.repoNumber); err != nil {
		return err
	}
	if k.archives, err = p.cluster.ListArchive(ctx, at.repo, at.repoNumber); err != nil {
		return err
	}
	k.histories = map[string]map[uint32]wal.History{}
	for id, archive := range k.archives {
		k.histories[id] = map[uint32]wal.History{}
		for timeline := range archive.Histories {
			history, err := p.cluster.ReadHistory(ctx, at.repo, at.repoNumber, id, timeline)
			if err != nil {
				return err
			}
			k.histories[id][timeline] = history
		}
	}
	return nil
}
