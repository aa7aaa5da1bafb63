// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// foldRecoverable says to which moments the cluster can be restored, by what nextAnchor has
// found. It is nil without a backup, and before the first watch.
func foldRecoverable(before Before, archive *stanzaflowv1alpha1.ArchiveStatus, in Input, repos []stanzaflowv1alpha1.RepoStatus, anchor *report.Sample, moved bool) *stanzaflowv1alpha1.RecoverableStatus {
	after := &stanzaflowv1alpha1.RecoverableStatus{Oldest: oldest(repos)}
	if archive == nil || after.Oldest == nil {
		return nil
	}
	if rpo := Objective(in.Objectives, in.Schedules); rpo > 0 {
		after.RPO = &metav1.Duration{Duration: rpo}
	}
	was := before.Recoverable
	if was != nil {
		after.Newest = was.Newest.DeepCopy()
	}
	if anchor != nil && (moved || after.Newest == nil) && !stamp(anchor.Time).Before(after.Oldest) {
		after.Newest = later(after.Newest, stamp(anchor.Time))
	}
	for _, repo := range repos {
		if repo.LastBackup != nil {
			after.Newest = later(after.Newest, &repo.LastBackup.StopTime)
		}
	}
	after.AtRiskSince = atRisk(was, after.Newest, anchor, in.Seen.newest(answered))
	return after
}

// Anchor returns the newest sample whose WAL is in every repo, for Memory.Keep. Nil if none
// is known.
func Anchor(before Before, seen Seen) *report.Sample {
	anchor, _ := nextAnchor(before, foldArchive(before.Archive, seen), seen, seen.newest(answered))
	return anchor
}

// nextAnchor is the newest sample whose WAL is in every repo by now, and whether anything
// was committed since the one before. One of another timeline may have had WAL that nobody
// has any more.
func nextAnchor(before Before, archive *stanzaflowv1alpha1.ArchiveStatus, seen Seen, now *report.Sample) (anchor *report.Sample, moved bool) {
	was := seen.Anchor
	if now == nil {
		return was, false
	}
	if was != nil && was.WAL.Timeline != now.WAL.Timeline {
		was = nil
	}
	still := was == nil && untouched(before, archive, now)
	if found := seen.newest(func(s *report.Sample) bool { return archived(s, now) }); found != nil {
		return bare(found), !still && (was == nil || was.WAL.Snapshot != found.WAL.Snapshot)
	}
	if still {
		return bare(now), false
	}
	return was, false
}

// untouched reports whether no WAL was written since a status in which nothing was at
// risk. The operator has no samples of that time.
func untouched(before Before, archive *stanzaflowv1alpha1.ArchiveStatus, now *report.Sample) bool {
	return before.Archive != nil && archive != nil && before.Recoverable != nil &&
		before.Recoverable.Newest != nil && before.Recoverable.AtRiskSince == nil &&
		before.Archive.Timeline == now.WAL.Timeline && before.Archive.LastArchivedWAL == archive.LastArchivedWAL &&
		before.Archive.BehindBytes == archive.BehindBytes
}

// bare is a sample without what its repos list.
func bare(sample *report.Sample) *report.Sample {
	return &report.Sample{Time: sample.Time, WAL: sample.WAL}
}

// atRisk is the moment since which commits may be lost, nil if nothing was committed.
func atRisk(was *stanzaflowv1alpha1.RecoverableStatus, newest *metav1.Time, anchor, now *report.Sample) *metav1.Time {
	switch {
	case newest == nil:
		return nil
	case now == nil && was != nil && was.AtRiskSince != nil:
		return newest
	case now == nil:
		return nil // No watch has looked since.
	case anchor != nil && anchor.WAL.Snapshot == now.WAL.Snapshot:
		return nil
	}
	return newest
}

func later(a, b *metav1.Time) *metav1.Time {
	if a == nil || b != nil && a.Before(b) {
		return b.DeepCopy()
	}
	return a.DeepCopy()
}

// judgeRecoverable decides whether the cluster can be restored as its objective demands.
func (r *Result) judgeRecoverable(in Input) {
	r.Listed, r.Empty = in.Seen.newest(listed) != nil || r.Recoverable != nil, true
	for i := range r.Repos {
		repo := &r.Repos[i]
		r.Empty = r.Empty && repo.Backups == 0
		if removed(repo) {
			r.Removed = append(r.Removed, repo.Name)
		}
	}
	deadline := Deadline(r.Recoverable, in.Interval)
	r.RPOExceeded = !deadline.IsZero() && !in.Now.Before(deadline)
	r.wake(deadline, in.Now)
}

// Deadline is when commits are at risk for longer than the objective allows, zero if none
// are. The newest restorable moment may be an interval later than the watches can show.
func Deadline(recoverable *stanzaflowv1alpha1.RecoverableStatus, interval time.Duration) time.Time {
	if recoverable == nil || recoverable.AtRiskSince == nil || recoverable.RPO == nil {
		return time.Time{}
	}
	return recoverable.AtRiskSince.Add(recoverable.RPO.Duration + interval)
}
