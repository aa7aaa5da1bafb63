// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// newestBackups is how many backups of a repo the report describes.
const newestBackups = 10

func walOf(a remote.Archiving) (*report.WAL, error) {
	timeline, err := a.Timeline()
	if err != nil {
		return nil, err
	}
	position, err := a.Position()
	if err != nil {
		return nil, err
	}
	return &report.WAL{
		Timeline: timeline, LSN: position, Snapshot: a.Snapshot,
		LastArchived: a.LastArchived, LastArchivedTime: a.LastArchivedTime,
		LastFailed: a.LastFailed, LastFailedTime: a.LastFailedTime, FailedCount: a.FailedCount,
		Waiting: a.Waiting, StalledSeconds: a.StalledSeconds, Bytes: a.WALBytes, SegmentBytes: a.SegmentBytes, ArchivingOff: a.ArchivingOff,
	}, nil
}

// repoOf is what info says of one repo.
func repoOf(info pgbackrest.Info, repo int) report.RepoSample {
	var sample report.RepoSample
	if r, ok := info.Repo(repo); ok {
		sample.Cipher = r.Cipher
	}
	if database, ok := info.NewestDatabase(repo); ok {
		archive, _ := info.Archive(repo, database.ID)
		sample.ArchiveMin, sample.ArchiveMax = archive.Min, archive.Max
	}
	var backups []pgbackrest.Backup
	damaged := map[string]bool{}
	for _, b := range info.Backups {
		if b.RepoKey != repo {
			continue
		}
		backups = append(backups, b)
		sample.Labels = append(sample.Labels, b.Label)
		damaged[b.Label] = b.Error
		if b.Type == pgbackrest.TypeFull {
			sample.Fulls++
		}
	}
	for _, b := range backups {
		// A backup is as good as those whose files it needs.
		if b.Stop.IsZero() || slices.ContainsFunc(b.Files(), func(label string) bool { return damaged[label] }) {
			continue
		}
		if sample.Oldest == nil || b.Stop.Before(*sample.Oldest) {
			sample.Oldest = &b.Stop
		}
	}
	for _, b := range slices.Backward(backups[max(0, len(backups)-newestBackups):]) {
		sample.Newest = append(sample.Newest, listedOf(b))
	}
	return sample
}

func listedOf(b pgbackrest.Backup) stanzaflowv1alpha1.ListedBackup {
	return stanzaflowv1alpha1.ListedBackup{
		Label: b.Label, Type: b.Type, StartTime: metav1.NewTime(b.Start), StopTime: metav1.NewTime(b.Stop),
		DatabaseBytes: b.DatabaseBytes, RepoBytes: b.RepoDeltaBytes, Error: b.Error, Run: b.Annotation[vocab.BackupAnnotation],
	}
}

// progressOf is how many percent of a running backup are done.
func progressOf(info pgbackrest.Info) *int {
	if !info.Running || info.RunningBytes == 0 {
		return nil
	}
	return new(int(min(float64(info.RunningDone)/float64(info.RunningBytes), 1) * 100))
}
