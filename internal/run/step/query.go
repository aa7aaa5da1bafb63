// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// sessions counts those of pgbackrest backup. It names them after the command,
// which is how a backup that was started elsewhere is seen: from 2.53 on its
// locks do not reach across pods.
const sessions = `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'`

// query is what precheck asks PostgreSQL, in one statement. It only reads.
const query = `SELECT json_build_object(
'inRecovery', pg_is_in_recovery(),
'version', current_setting('server_version_num')::int,
'systemId', (SELECT system_identifier::text FROM pg_control_system()),
'databaseBytes', (SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint FROM pg_database),
'walSegmentBytes', (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
'archiveMode', current_setting('archive_mode'),
'archiveCommand', current_setting('archive_command') LIKE '%pgbackrest%',
'archiveStanza', substring(current_setting('archive_command') from '--stanza[ =]["'']?([A-Za-z0-9._-]+)'),
'lastArchived', (SELECT last_archived_time FROM pg_stat_archiver),
'lastFailed', (SELECT last_failed_time FROM pg_stat_archiver),
'lastFailedWal', (SELECT last_failed_wal FROM pg_stat_archiver))`

// answer of the query.
type answer struct {
	InRecovery      bool   `json:"inRecovery"`
	Version         int    `json:"version"`
	SystemID        string `json:"systemId"`
	DatabaseBytes   int64  `json:"databaseBytes"`
	WALSegmentBytes uint64 `json:"walSegmentBytes"`
	ArchiveMode     string `json:"archiveMode"`
	ArchiveCommand  bool   `json:"archiveCommand"`
	// ArchiveStanza is that of archive_command, nil where it names none, as
	// when it calls a script.
	ArchiveStanza *string    `json:"archiveStanza"`
	LastArchived  *time.Time `json:"lastArchived"`
	LastFailed    *time.Time `json:"lastFailed"`
	LastFailedWAL *string    `json:"lastFailedWal"`
}

// failedSince is when archiving failed last, nil when the newest attempt
// succeeded or there was none.
func (a answer) failedSince() *time.Time {
	if a.LastFailed == nil || a.LastArchived != nil && a.LastArchived.After(*a.LastFailed) {
		return nil
	}
	return a.LastFailed
}

// psql asks the PostgreSQL in the same container through its socket.
func psql(statement string) []string {
	return []string{
		"psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1",
		"--host=" + cpo.PGSocketPath, "--port=" + cpo.PGPort, "--username=postgres", "--dbname=postgres",
		"--command=" + statement,
	}
}

// ask decodes the answer of PostgreSQL, which is JSON.
func (s *step) ask(ctx context.Context, at remote.Place, statement string, into any) error {
	out, err := s.capture(ctx, at, psql(statement))
	if code, ended := remote.ExitCode(err); ended && code != 0 {
		return retry("cannot query PostgreSQL in %s: psql exit code %d: %s", at, code, out.complaint())
	}
	if err != nil {
		return fmt.Errorf("cannot query PostgreSQL in %s: %w", at, err)
	}
	if err := json.Unmarshal(out.stdout.Bytes(), into); err != nil {
		return fmt.Errorf("cannot read the answer of PostgreSQL in %s: %w", at, err)
	}
	return nil
}
