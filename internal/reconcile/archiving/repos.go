// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"math"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// listTime is how long after its end a backup may not be listed yet: pgBackRest first
// waits for its WAL.
const listTime = 10 * time.Minute

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
func foldRepos(repos []stanzaflowv1alpha1.RepoStatus, seen Seen) []stanzaflowv1alpha1.RepoStatus {
	sample := withRepos(seen)
	if sample == nil {
		return repos
	}
	after := make([]stanzaflowv1alpha1.RepoStatus, 0, len(repos))
	for i := range repos {
		repo := *repos[i].DeepCopy()
		if found, ok := sample.Repos[repo.Name]; ok {
			foldRepo(&repo, found, sample.Time)
		}
		after = append(after, repo)
	}
	return after
}

func foldRepo(repo *stanzaflowv1alpha1.RepoStatus, found report.RepoSample, at time.Time) {
	repo.Message = report.OneLine(found.Message)
	if v := found.Volume; v != nil && (repo.FreeBytes == nil || repo.VolumeBytes != v.Size || max(*repo.FreeBytes-v.Free, v.Free-*repo.FreeBytes) > v.Size/sizePart) {
		repo.FreeBytes, repo.VolumeBytes = new(max(0, v.Free)), max(0, v.Size)
	}
	if found.Unread || !knows(found, repo.LastBackup, at) {
		return
	}
	repo.Backups, repo.Fulls, repo.OldestBackupTime = count(len(found.Labels)), count(found.Fulls), nil
	if found.Oldest != nil {
		repo.OldestBackupTime = stamp(*found.Oldest)
	}
	if found.Cipher != "" {
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
func knows(found report.RepoSample, proven *stanzaflowv1alpha1.BackupStatus, at time.Time) bool {
	return proven == nil || slices.Contains(found.Labels, proven.Label) || !at.Before(proven.StopTime.Add(listTime))
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
