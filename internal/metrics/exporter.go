// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"slices"
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// labelStanza is the exporter's name of a database. Every stanza of pgBackRest is called db
// here, which would keep no two databases apart, so the value is namespace/cluster.
const labelStanza = "stanza"

// Names, meanings and numbers are those of github.com/woblerr/pgbackrest_exporter.
var (
	exporterStatus = newGauge("pgbackrest_exporter_status",
		"1 if the last watch could ask PostgreSQL and pgbackrest info, 0 if it could not, or if no watch reports.", labelStanza)
	exporterStanza = newGauge("pgbackrest_stanza_status",
		"Status of the stanza in pgbackrest info: 0 ok, 1 missing stanza path, 2 no valid backups, 3 missing stanza data, 4 different across repos, 5 database mismatch across repos, 99 other.", labelStanza)
	exporterRepo = newGauge("pgbackrest_repo_status",
		"Status of the repo in pgbackrest info, in the numbers of pgbackrest_stanza_status.", "cipher", labelRepoKey, labelStanza)
	exporterWAL = newGauge("pgbackrest_wal_archive_status",
		"1 if WAL is in the archive of the repo. stanzaflow_archive_failing_seconds says whether more is archived.", labelRepoKey, labelStanza)
	exporterSince = newGauge("pgbackrest_backup_since_last_completion_seconds",
		"How long ago the last backup was complete from which a restore could begin as from one of this type: diff also counts a full, incr counts any.", labelBackupType, labelStanza)
	exporterDuration = newGauge("pgbackrest_backup_last_duration_seconds",
		"How long that backup took.", labelBackupType, labelStanza)
	exporterSize = newGauge("pgbackrest_backup_last_size_bytes",
		"Size of the database in that backup.", labelBackupType, labelStanza)
	exporterDelta = newGauge("pgbackrest_backup_last_repo_delta_bytes",
		"What that backup added to the repo.", labelBackupType, labelStanza)
	exporterError = newGauge("pgbackrest_backup_last_error_status",
		"1 if that backup has pages whose checksums do not match.", labelBackupType, labelStanza)
)

const (
	labelRepoKey    = "repo_key"
	labelBackupType = "backup_type"
)

// exporter shows what the exporter would show, as far as a status holds it.
func exporter(s scrape) {
	listed(s)
	is := s.Status.Archive
	if is == nil {
		return
	}
	asks := is.BlindTime == nil && is.Message == ""
	s.flag(exporterStatus, asks)
	if !asks {
		return
	}
	codes := make([]int, 0, len(s.Status.Repos))
	for i := range s.Status.Repos {
		repo := &s.Status.Repos[i]
		code := statusCode(repo.Message)
		codes = append(codes, code)
		key := strings.TrimPrefix(repo.Name, "repo")
		s.gauge(exporterRepo, float64(code), repo.Cipher, key)
		s.flag(exporterWAL, is.LastArchivedWAL != "" && (code == 0 || code == noValidBackups), key)
	}
	if len(codes) > 0 {
		s.gauge(exporterStanza, float64(together(codes)))
	}
}

// statusCode is pgBackRest's number for its words.
func statusCode(message string) int {
	switch message {
	case "":
		return 0
	case "missing stanza path":
		return 1
	case "no valid backups":
		return noValidBackups
	case "missing stanza data":
		return 3
	case "different across repos":
		return differentAcrossRepos
	case "database mismatch across repos":
		return 5
	}
	return 99
}

const (
	noValidBackups       = 2
	differentAcrossRepos = 4
)

// together is the status of a stanza as pgBackRest makes it of those of its repos.
func together(codes []int) int {
	if slices.Min(codes) != slices.Max(codes) {
		return differentAcrossRepos
	}
	return codes[0]
}

// listed shows the last backup of each type over all repos.
func listed(s scrape) {
	backups := allBackups(s.Stanza)
	for n, backupType := range cpo.BackupTypes {
		last := newestOf(backups, cpo.BackupTypes[:n+1])
		if last == nil {
			continue
		}
		s.age(exporterSince, &last.StopTime, backupType)
		s.gauge(exporterDuration, max(last.StopTime.Sub(last.StartTime.Time), 0).Seconds(), backupType)
		s.gauge(exporterSize, float64(last.DatabaseBytes), backupType)
		s.gauge(exporterDelta, float64(last.RepoBytes), backupType)
		s.flag(exporterError, last.Error, backupType)
	}
}

// newestOf is the newest backup of some types, nil without one.
func newestOf(backups []stanzaflowv1alpha1.ListedBackup, types []string) *stanzaflowv1alpha1.ListedBackup {
	var last *stanzaflowv1alpha1.ListedBackup
	for i := range backups {
		if slices.Contains(types, backups[i].Type) && (last == nil || last.StopTime.Before(&backups[i].StopTime)) {
			last = &backups[i]
		}
	}
	return last
}

// allBackups are the backups that repos list, and the proven ones that are too old for
// these lists.
func allBackups(stanza *stanzaflowv1alpha1.Stanza) []stanzaflowv1alpha1.ListedBackup {
	var backups []stanzaflowv1alpha1.ListedBackup
	oldest := map[string]time.Time{}
	for i := range stanza.Status.Repos {
		repo := &stanza.Status.Repos[i]
		backups = append(backups, repo.Newest...)
		if len(repo.Newest) > 0 {
			oldest[repo.Name] = repo.Newest[len(repo.Newest)-1].StopTime.Time
		}
	}
	for _, backup := range proven(stanza) {
		// One that a list should have and has not was removed, or comes in the next list.
		if from, ok := oldest[backup.Repo]; ok && !backup.StopTime.Time.Before(from) {
			continue
		}
		backups = append(backups, stanzaflowv1alpha1.ListedBackup{
			Label: backup.Label, Type: backup.Type, StartTime: backup.StartTime, StopTime: backup.StopTime,
			DatabaseBytes: backup.DatabaseBytes, RepoBytes: backup.RepoBytes,
		})
	}
	return backups
}
