// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"cmp"
	"slices"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

var lastProven = newGauge("stanzaflow_last_proven_backup_timestamp_seconds",
	"When the newest proven backup of this repo and type was complete. The type is that of the backup: the first incr of a repo is a full.", labelRepo, labelType)

// provenBackups shows the newest proven backup of each repo and type.
func provenBackups(s scrape) {
	newest := map[Schedule]*stanzaflowv1alpha1.BackupStatus{}
	for _, backup := range proven(s.Stanza) {
		of := Schedule{Repo: backup.Repo, Type: backup.Type}
		if known := newest[of]; known == nil || known.StopTime.Before(&backup.StopTime) {
			newest[of] = backup
		}
	}
	for of, backup := range newest {
		s.timestamp(lastProven, &backup.StopTime, of.Repo, of.Type)
	}
}

// proven are all proven backups that a Stanza remembers, the newest last. One may be in it
// several times.
func proven(stanza *stanzaflowv1alpha1.Stanza) []*stanzaflowv1alpha1.BackupStatus {
	backups := []*stanzaflowv1alpha1.BackupStatus{stanza.Status.LastBackup}
	for i := range stanza.Status.Repos {
		backups = append(backups, stanza.Status.Repos[i].LastBackup)
	}
	for i := range stanza.Status.Schedules {
		backups = append(backups, stanza.Status.Schedules[i].LastBackup)
	}
	backups = slices.DeleteFunc(backups, func(b *stanzaflowv1alpha1.BackupStatus) bool { return b == nil })
	slices.SortStableFunc(backups, func(a, b *stanzaflowv1alpha1.BackupStatus) int {
		return cmp.Compare(a.StopTime.Unix(), b.StopTime.Unix())
	})
	return backups
}
