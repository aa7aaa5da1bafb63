// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/remembered"
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
	}
	for i := range status.Drills {
		in.Drills = append(in.Drills, measured(&status.Drills[i])...)
	}
	in.Known = append(in.Known, remembered.Moments(status)...)
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
