// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// heartbeatSkew is how much later than the end of its run the clock of a database may put a
// heartbeat. A clock that is farther off would leave a moment in the status that no later
// run could move.
const heartbeatSkew = time.Minute

// heartbeat is what a status says of the heartbeat of a run. Nil if the run has not reported
// one that can be used.
func heartbeat(r report.Report, finished *metav1.Time) *stanzaflowv1alpha1.RestorableStatus {
	h := r.Heartbeat
	if h == nil || finished == nil || h.Time.IsZero() || h.Time.After(finished.Add(heartbeatSkew)) || h.Timeline < 1 || h.Timeline > math.MaxInt32 {
		return nil
	}
	is := &stanzaflowv1alpha1.RestorableStatus{
		Newest: metav1.NewMicroTime(h.Time.UTC().Truncate(time.Microsecond)), Heartbeat: true,
		Timeline: int32(max(0, min(h.Timeline, math.MaxInt32))), ObservedTime: *finished,
	}
	if lsn, err := wal.ParseLSN(h.LSN); err == nil {
		is.LSN = lsn.String()
	}
	return is
}

// foldHeartbeats adds the newest heartbeat of runs of any kind to a repo: each is of every
// repo. Without a backup that one of our runs has proven there, nobody knows whether the
// runs have worked with a repo at this location.
func foldHeartbeats(repo *stanzaflowv1alpha1.RepoStatus, runs []Run) {
	for i := range runs {
		if repo.LastBackup != nil {
			repo.Restorable = NewestRestorable(repo.Restorable, runs[i].Heartbeat)
		}
	}
	LimitRestorable(repo)
}

// NewestRestorable returns the later of two moments, and known if they are equal. So it
// never moves back, and when it was found out is no change. If the later one is no
// heartbeat, it keeps the later heartbeat of the two.
func NewestRestorable(known, candidate *stanzaflowv1alpha1.RestorableStatus) *stanzaflowv1alpha1.RestorableStatus {
	if candidate == nil {
		return known
	}
	later, beat := known, laterHeartbeat(heartbeatOf(known), heartbeatOf(candidate))
	if known == nil || known.Newest.Before(&candidate.Newest) {
		later = candidate
	}
	if later.Heartbeat {
		beat = nil
	}
	if later == known && equality.Semantic.DeepEqual(known.LastHeartbeat, beat) {
		return known
	}
	later = later.DeepCopy()
	later.LastHeartbeat = beat
	return later
}

// heartbeatOf is the newest heartbeat of a moment, nil if it has none.
func heartbeatOf(is *stanzaflowv1alpha1.RestorableStatus) *stanzaflowv1alpha1.HeartbeatStatus {
	switch {
	case is == nil:
		return nil
	case is.Heartbeat:
		return &stanzaflowv1alpha1.HeartbeatStatus{Time: is.Newest, Timeline: is.Timeline, LSN: is.LSN, ObservedTime: is.ObservedTime}
	}
	return is.LastHeartbeat
}

func laterHeartbeat(known, candidate *stanzaflowv1alpha1.HeartbeatStatus) *stanzaflowv1alpha1.HeartbeatStatus {
	if candidate == nil || known != nil && !known.Time.Before(&candidate.Time) {
		return known
	}
	return candidate
}

// OnlyHeartbeat is what is left of a moment without what a watch has seen.
func OnlyHeartbeat(is *stanzaflowv1alpha1.RestorableStatus) *stanzaflowv1alpha1.RestorableStatus {
	beat := heartbeatOf(is)
	switch {
	case beat == nil:
		return nil
	case is.Heartbeat:
		return is
	}
	return &stanzaflowv1alpha1.RestorableStatus{Newest: beat.Time, Heartbeat: true, Timeline: beat.Timeline, LSN: beat.LSN, ObservedTime: beat.ObservedTime}
}

// LimitRestorable drops a moment of a repo that no backup can restore, because it is before
// the end of the oldest one, or there is none. The heartbeat of a run is before its backup.
func LimitRestorable(repo *stanzaflowv1alpha1.RepoStatus) {
	is, oldest := repo.Restorable, repo.OldestBackupTime
	switch {
	case is == nil:
	case oldest == nil || is.Newest.Time.Before(oldest.Time):
		repo.Restorable = nil
	case is.LastHeartbeat != nil && is.LastHeartbeat.Time.Time.Before(oldest.Time):
		repo.Restorable = is.DeepCopy()
		repo.Restorable.LastHeartbeat = nil
	}
}
