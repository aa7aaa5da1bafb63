// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"math"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

const (
	// listTime is how long after its end a backup may not be listed yet: pgBackRest first
	// waits for its WAL.
	listTime = 10 * time.Minute
	// clockTime is how far the clocks of two nodes may be apart.
	clockTime = time.Minute
)

// listed reports whether a sample has what at least one repo lists.
func listed(sample *report.Sample) bool {
	for _, repo := range sample.Repos {
		if !repo.Unread {
			return true
		}
	}
	return false
}

// withRepos is the newest sample that has its repos, nil without one.
func withRepos(seen Seen) *report.Sample {
	return seen.newest(func(s *report.Sample) bool { return s.Repos != nil })
}

// short is what is remembered of the repos of a sample that is not the newest.
func short(repos map[string]report.RepoSample) map[string]report.RepoSample {
	after := make(map[string]report.RepoSample, len(repos))
	for name, repo := range repos {
		repo.Labels, repo.Newest = repo.Labels[:min(len(repo.Labels), 1)], nil
		after[name] = repo
	}
	return after
}

// foldRepos describes the repos as the newest watch has listed them.
func foldRepos(in Input) []stanzaflowv1alpha1.RepoStatus {
	sample := withRepos(in.Seen)
	if sample == nil {
		return slices.Clone(in.Repos)
	}
	after := make([]stanzaflowv1alpha1.RepoStatus, 0, len(in.Repos))
	for i := range in.Repos {
		repo := *in.Repos[i].DeepCopy()
		if found, ok := sample.Repos[repo.Name]; ok {
			foldRepo(&repo, found, knows(found, repo.LastBackup, sample.Time, in))
		}
		after = append(after, repo)
	}
	return after
}

// missingStanza is what pgbackrest info says of a repo without a stanza. As its cipher it gives
// that of its own configuration, which may still be changed.
const missingStanza = "missing stanza path"

// foldRepo describes one repo. What it lists is left out if it may be older than the status.
func foldRepo(repo *stanzaflowv1alpha1.RepoStatus, found report.RepoSample, known bool) {
	repo.Message = report.OneLine(found.Message)
	if v := found.Volume; v != nil && (repo.FreeBytes == nil || repo.VolumeBytes != v.Size || max(*repo.FreeBytes-v.Free, v.Free-*repo.FreeBytes) > v.Size/sizePart) {
		repo.FreeBytes, repo.VolumeBytes = new(max(0, v.Free)), max(0, v.Size)
	}
	if found.Unread || !known {
		return
	}
	repo.Backups, repo.Fulls, repo.OldestBackupTime = count(len(found.Labels)), count(found.Fulls), nil
	if found.Oldest != nil {
		repo.OldestBackupTime = stamp(*found.Oldest)
	}
	switch {
	case found.Message == missingStanza && repo.LastBackup != nil: // That of the proven backup stays.
	case found.Message == missingStanza:
		repo.Cipher = ""
	case found.Cipher != "":
		repo.Cipher = found.Cipher
	}
	repo.Newest = nil
	for _, backup := range found.Newest[:min(len(found.Newest), newestLimit)] {
		backup.StartTime, backup.StopTime = *stamp(backup.StartTime.Time), *stamp(backup.StopTime.Time)
		repo.Newest = append(repo.Newest, backup)
	}
}

// newestLimit is how many backups a status lists of a repo.
const newestLimit = 10

// knows reports whether a list of backups is young enough to have the backup that a run
// has proven last.
func knows(found report.RepoSample, proven *stanzaflowv1alpha1.BackupStatus, at time.Time, in Input) bool {
	return proven == nil || slices.Contains(found.Labels, proven.Label) || !at.Before(listedFrom(proven, in))
}

// listedFrom is from when on a proven backup is in the list: its run has seen it there
// before the run ended. Without a schedule only lastRun knows when that was.
func listedFrom(proven *stanzaflowv1alpha1.BackupStatus, in Input) time.Time {
	for i := range in.Schedules {
		for _, run := range in.Schedules[i].Runs {
			if run.Label == proven.Label && run.FinishTime != nil {
				return run.FinishTime.Add(clockTime)
			}
		}
	}
	if last := in.LastRun; last != nil && last.Workflow == proven.Workflow && last.FinishTime != nil {
		return last.FinishTime.Add(clockTime)
	}
	return proven.StopTime.Add(listTime)
}

// removed reports whether the backup that a run has proven last in a repo is gone, and no
// newer one is there. Where another tool makes newer backups, retention may remove ours.
func removed(repo *stanzaflowv1alpha1.RepoStatus) bool {
	proven := repo.LastBackup
	if proven == nil || len(repo.Newest) == 0 && repo.Backups > 0 {
		return false // Or no watch has listed it yet.
	}
	return !slices.ContainsFunc(repo.Newest, func(b stanzaflowv1alpha1.ListedBackup) bool {
		return b.Label == proven.Label || !b.StopTime.Before(&proven.StopTime)
	})
}

// Unwatched are repos without what only a watch knows.
func Unwatched(repos []stanzaflowv1alpha1.RepoStatus) []stanzaflowv1alpha1.RepoStatus {
	for i := range repos {
		repos[i].Message, repos[i].Newest, repos[i].FreeBytes, repos[i].VolumeBytes = "", nil, nil, 0
		repos[i].Restorable = outcome.OnlyHeartbeat(repos[i].Restorable)
	}
	return repos
}

// oldest is the oldest moment that a backup of any repo can restore.
func oldest(repos []stanzaflowv1alpha1.RepoStatus) *metav1.Time {
	var first *metav1.Time
	for i := range repos {
		if at := repos[i].OldestBackupTime; at != nil && (first == nil || at.Before(first)) {
			first = at
		}
	}
	return first.DeepCopy()
}

// count returns a number of backups that fits the status.
func count(n int) int32 { return int32(max(0, min(n, math.MaxInt32))) }
