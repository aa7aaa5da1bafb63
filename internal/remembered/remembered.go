// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package remembered has what a Stanza remembers of the moments that can be restored: the newest
// of each repo, and what each drill has reached. The plan of a restore and that of a drill
// prove a moment by them.
package remembered

import (
	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// Moments are those of a status, each with its repo. What the status lacks or what cannot be
// read is left out.
func Moments(status stanzaflowv1alpha1.StanzaStatus) []restoreplan.Known {
	var moments []restoreplan.Known
	for _, repo := range status.Repos {
		number, err := cpo.RepoNumber(repo.Name)
		r := repo.Restorable
		if err != nil || r == nil {
			continue
		}
		lsn, _ := wal.ParseLSN(r.LSN) // An older operator has written none.
		moments = append(moments, restoreplan.Known{
			Time: r.Newest.UTC(), Timeline: timeline(r.Timeline), LSN: lsn, Heartbeat: r.Heartbeat, Bound: !r.Heartbeat, Repo: number,
		})
		if h := r.LastHeartbeat; h != nil {
			lsn, _ := wal.ParseLSN(h.LSN)
			moments = append(moments, restoreplan.Known{Time: h.Time.UTC(), Timeline: timeline(h.Timeline), LSN: lsn, Heartbeat: true, Repo: number})
		}
	}
	for i := range status.Drills {
		if proven := status.Drills[i].LastProven; proven != nil {
			moments = appendReached(moments, proven)
		}
	}
	return moments
}

// appendReached adds the newest commit that a drill has found.
func appendReached(moments []restoreplan.Known, d *stanzaflowv1alpha1.ProvenDrill) []restoreplan.Known {
	lsn, err := wal.ParseLSN(d.LSN)
	number, repoErr := cpo.RepoNumber(d.Repo)
	if d.RecoveredTo == nil || d.Timeline <= 0 || err != nil || repoErr != nil {
		return moments
	}
	return append(moments, restoreplan.Known{Time: d.RecoveredTo.UTC(), Timeline: timeline(d.Timeline), LSN: lsn, Repo: number})
}

// timeline is that of a status, 0 if it is unknown.
func timeline(number int32) uint32 { return uint32(max(0, number)) }
