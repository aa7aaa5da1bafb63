// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

var (
	repoBackups = newGauge("stanzaflow_repo_backups",
		"Backups that the repo lists, of every type, whoever has made them.", labelRepo)
	repoFulls = newGauge("stanzaflow_repo_full_backups",
		"Full backups that the repo lists.", labelRepo)
	repoOldest = newGauge("stanzaflow_repo_oldest_backup_timestamp_seconds",
		"When the oldest backup without errors was complete: nothing before it can be restored from this repo.", labelRepo)
	restorableNewest = newGauge("stanzaflow_restorable_newest_timestamp_seconds",
		"The newest moment that is known to be restorable from the repo, by a transaction that a run has written and archived, or by what a watch has seen archived.", labelRepo)
	repoFree = newGauge("stanzaflow_repo_volume_free_bytes",
		"Room left on the volume of the repo. Absent for an object store.", labelRepo)
	repoSize = newGauge("stanzaflow_repo_volume_size_bytes",
		"Size of the volume of the repo. Absent for an object store.", labelRepo)
	repoNextFull = newGauge("stanzaflow_repo_next_full_bytes",
		"What the newest full backup takes in the repo. The next one needs as much room, because pgBackRest removes old backups only after it.", labelRepo)
)

func repos(s scrape) {
	for i := range s.Status.Repos {
		repo := &s.Status.Repos[i]
		if seen(repo) {
			s.gauge(repoBackups, float64(repo.Backups), repo.Name)
			s.gauge(repoFulls, float64(repo.Fulls), repo.Name)
		}
		s.timestamp(repoOldest, repo.OldestBackupTime, repo.Name)
		if repo.Restorable != nil {
			s.gauge(restorableNewest, float64(repo.Restorable.Newest.UnixMicro())/1e6, repo.Name)
		}
		if repo.FreeBytes != nil {
			s.gauge(repoFree, float64(*repo.FreeBytes), repo.Name)
			s.gauge(repoSize, float64(repo.VolumeBytes), repo.Name)
		}
		if bytes := newestFull(s.Stanza, repo); bytes > 0 {
			s.gauge(repoNextFull, float64(bytes), repo.Name)
		}
	}
}

// seen reports whether somebody has looked into a repo: a run that has proven a backup
// there, or a watch.
func seen(repo *stanzaflowv1alpha1.RepoStatus) bool {
	return repo.LastBackup != nil || repo.Backups > 0 || len(repo.Newest) > 0 || repo.Message != ""
}

// newestFull is how much the newest full backup has added to a repo, 0 if that is not
// known. With many incrs since, only its proof remembers it.
func newestFull(stanza *stanzaflowv1alpha1.Stanza, repo *stanzaflowv1alpha1.RepoStatus) int64 {
	for i := range repo.Newest {
		if repo.Newest[i].Type == cpo.Full {
			return repo.Newest[i].RepoBytes
		}
	}
	var bytes int64
	for _, backup := range proven(stanza) {
		if backup.Repo == repo.Name && backup.Type == cpo.Full {
			bytes = backup.RepoBytes
		}
	}
	return bytes
}
