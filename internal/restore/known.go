// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// readStanza takes what runs, watches and drills have found.
func (g *gathering) readStanza() {
	in, status := &g.facts.Input, g.stanza.Status
	for _, repo := range status.Repos {
		number, err := cpo.RepoNumber(repo.Name)
		if err != nil {
			continue
		}
		g.facts.Locations[number] = repo.Location
		if r := repo.Restorable; r != nil {
			lsn, _ := wal.ParseLSN(r.LSN) // An older operator has written none.
			in.Known = append(in.Known, restoreplan.Known{
				Time: r.Newest.Time, Timeline: timelineOf(r.Timeline), LSN: lsn, Heartbeat: r.Heartbeat, Bound: !r.Heartbeat, Repo: number,
			})
		}
	}
	for i := range status.Drills {
		drill := &status.Drills[i]
		in.Drills = append(in.Drills, measured(drill)...)
		if drill.LastProven == nil {
			continue
		}
		if k, ok := recovered(*drill.LastProven); ok {
			in.Known = append(in.Known, k)
		}
	}
}

// measured are the good runs of a drill: those that the status remembers, and the newest
// one, which may be older than all of them.
func measured(drill *stanzaflowv1alpha1.DrillStatus) []restoreplan.Measured {
	var all []restoreplan.Measured
	newest := drill.LastProven
	for i := range drill.Runs {
		run := &drill.Runs[i]
		if run.Result != stanzaflowv1alpha1.RunSucceeded || run.Phases == nil || run.FinishTime == nil {
			continue
		}
		all = append(all, measure(run.FinishTime.Time, *run.Phases, run.DatabaseBytes, run.WALBytes))
		if newest != nil && newest.Workflow == run.Workflow {
			newest = nil
		}
	}
	if newest != nil {
		all = append(all, measure(newest.FinishTime.Time, newest.Phases, newest.DatabaseBytes, newest.WALBytes))
	}
	return all
}

func measure(at time.Time, p stanzaflowv1alpha1.DrillPhases, databaseBytes, walBytes int64) restoreplan.Measured {
	return restoreplan.Measured{
		At: at, DatabaseBytes: databaseBytes, WALBytes: walBytes,
		Restore: p.Restore.Duration, Replay: p.Replay.Duration, FirstQuery: p.FirstQuery.Duration,
	}
}

// recovered is the newest commit that a drill has found.
func recovered(d stanzaflowv1alpha1.ProvenDrill) (restoreplan.Known, bool) {
	lsn, err := wal.ParseLSN(d.LSN)
	number, repoErr := cpo.RepoNumber(d.Repo)
	if d.RecoveredTo == nil || d.Timeline <= 0 || err != nil || repoErr != nil {
		return restoreplan.Known{}, false
	}
	return restoreplan.Known{Time: d.RecoveredTo.Time, Timeline: timelineOf(d.Timeline), LSN: lsn, Repo: number}, true
}

// archived takes the segment that PostgreSQL has archived last: it must be there, and the
// moments whose position is not known are not behind it.
func archived(in *restoreplan.Input, last string) {
	name, kind, about := strings.Cut(last, ".")
	if kind == "partial" { // Of this one only the beginning is archived.
		return
	}
	segment, err := in.SegmentBytes.Parse(name)
	if err != nil {
		return
	}
	in.LastArchived = name
	if about { // A backup has ended, and its label is named after the segment in which it began.
		return
	}
	for i := range in.Known {
		if k := &in.Known[i]; k.LSN == 0 && k.Timeline == segment.Timeline {
			k.Before = in.SegmentBytes.Start(segment.Number + 1)
		}
	}
}

// timelineOf is a timeline of a status, 0 if it is unknown.
func timelineOf(number int32) uint32 { return uint32(max(0, number)) }
