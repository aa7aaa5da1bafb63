// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// foldRestorable adds to each repo the newest recoverable moment, once a watch has seen its
// WAL in the repo and if it is later than the newest heartbeat. The runs have added theirs
// already. It stands still as long as that moment does: while nothing is committed.
func foldRestorable(recoverable *stanzaflowv1alpha1.RecoverableStatus, anchor, now *report.Sample, repos []stanzaflowv1alpha1.RepoStatus) {
	seen := watched(recoverable, anchor, now)
	for i := range repos {
		repo := &repos[i]
		// What the anchor shows holds for the repos that could be read.
		if seen != nil && isRead(now, repo.Name) {
			repo.Restorable = outcome.NewestRestorable(repo.Restorable, seen)
		}
		outcome.LimitRestorable(repo)
	}
}

// watched is the newest recoverable moment if the WAL up to it is in the repos by now, nil
// otherwise.
func watched(recoverable *stanzaflowv1alpha1.RecoverableStatus, anchor, now *report.Sample) *stanzaflowv1alpha1.RestorableStatus {
	if recoverable == nil || recoverable.Newest == nil || anchor == nil || now == nil || recoverable.Newest.After(anchor.Time) {
		return nil
	}
	return &stanzaflowv1alpha1.RestorableStatus{
		Newest: metav1.NewMicroTime(recoverable.Newest.Time), Timeline: anchor.WAL.Timeline, LSN: archivedPart(anchor, now), ObservedTime: *stamp(now.Time),
	}
}

// archivedPart is the position of a sample, and no more than is archived: nothing was
// committed behind that. Empty if it is not known.
func archivedPart(sample, now *report.Sample) string {
	at, ok := position(sample.WAL.LSN)
	to, known := archivedTo(now)
	if !ok || !known || sample.WAL.Timeline != now.WAL.Timeline {
		return ""
	}
	return lsn(min(at, to))
}

func isRead(sample *report.Sample, repo string) bool {
	listed, ok := sample.Repos[repo]
	return ok && !listed.Unread
}
