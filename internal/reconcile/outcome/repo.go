// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"math"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// FoldRepo adds to what is known of a repo what runs have found there, and their
// heartbeats. The order of the runs does not matter, and folding the same runs again changes
// nothing.
func FoldRepo(known stanzaflowv1alpha1.RepoStatus, runs []Run) stanzaflowv1alpha1.RepoStatus {
	after := foldFound(known, runs)
	foldHeartbeats(&after, runs)
	return after
}

// foldFound adds what runs have found in a repo. Only a run counts that proved a backup at
// this location: another location says nothing about it. The newest backup wins.
func foldFound(known stanzaflowv1alpha1.RepoStatus, runs []Run) stanzaflowv1alpha1.RepoStatus {
	newest, backup := (*stanzaflowv1alpha1.RepoStatus)(nil), known.LastBackup
	for i := range runs {
		found := runs[i].Repo
		if found == nil || found.Name != known.Name || found.Storage != known.Storage || found.Location != known.Location {
			continue
		}
		if foldedAlready(known.LastBackup, found.LastBackup) || newestBackup(backup, found.LastBackup) == backup {
			continue
		}
		newest, backup = found, found.LastBackup
	}
	if newest == nil {
		return known
	}
	after := *newest.DeepCopy()
	after.Message, after.FreeBytes, after.VolumeBytes = known.Message, known.FreeBytes, known.VolumeBytes
	after.Newest, after.Restorable = listFirst(known.Newest, newest.LastBackup), known.Restorable.DeepCopy()
	return after
}

// foldedAlready reports whether what a run has found with a backup is known: since then a
// watch may have found more.
func foldedAlready(known, found *stanzaflowv1alpha1.BackupStatus) bool {
	return known != nil && known.Label == found.Label && known.StopTime.Equal(&found.StopTime)
}

// listFirst adds a backup that a run has just proven to those that a watch has listed.
func listFirst(listed []stanzaflowv1alpha1.ListedBackup, proven *stanzaflowv1alpha1.BackupStatus) []stanzaflowv1alpha1.ListedBackup {
	listed = slices.DeleteFunc(slices.Clone(listed), func(b stanzaflowv1alpha1.ListedBackup) bool { return b.Label == proven.Label })
	listed = slices.Insert(listed, 0, stanzaflowv1alpha1.ListedBackup{
		Label: proven.Label, Type: proven.Type, StartTime: proven.StartTime, StopTime: proven.StopTime,
		DatabaseBytes: proven.DatabaseBytes, RepoBytes: proven.RepoBytes,
	})
	return listed[:min(len(listed), listLimit)]
}

// listLimit is how many backups of a repo a status lists.
const listLimit = 10

// repo is what a proven run has found in its repo. Nil if its report, which an older
// runner wrote, does not say which repo that was.
func repo(backup *stanzaflowv1alpha1.BackupStatus, b *report.Backup) *stanzaflowv1alpha1.RepoStatus {
	if b.Location == "" {
		return nil
	}
	found := &stanzaflowv1alpha1.RepoStatus{
		Name: backup.Repo, Storage: b.Storage, Location: b.Location, Cipher: b.Cipher,
		Backups: count(b.BackupsInRepo), Fulls: count(b.FullsInRepo), LastBackup: backup.DeepCopy(),
	}
	if !b.OldestInRepo.IsZero() {
		found.OldestBackupTime = new(metav1.NewTime(b.OldestInRepo).Rfc3339Copy())
	}
	return found
}

// count returns a number of backups that fits the status.
func count(n int) int32 { return int32(max(0, min(n, math.MaxInt32))) }
