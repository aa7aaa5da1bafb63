// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// BackupSessionsStatement counts the sessions of pgbackrest backup, which names them after
// the command. They show a backup that was started elsewhere: from 2.53 on the
// locks of pgBackRest do not reach across pods.
const BackupSessionsStatement = `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'`

// PostgresStatement reads all of a Postgres.
const PostgresStatement = `SELECT json_build_object(
'inRecovery', pg_is_in_recovery(),
'version', current_setting('server_version_num')::int,
'systemId', (SELECT system_identifier::text FROM pg_control_system()),
'databaseBytes', (SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint FROM pg_database),
'walSegmentBytes', (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
'archiveMode', current_setting('archive_mode'),
'archiveCommand', current_setting('archive_command') LIKE '%pgbackrest%',
'archiveStanza', substring(current_setting('archive_command') from '--stanza[ =]["'']?([A-Za-z0-9._-]+)'),
'lastArchived', (SELECT last_archived_time FROM pg_stat_archiver),
'lastArchivedWal', (SELECT last_archived_wal FROM pg_stat_archiver),
'lastFailed', (SELECT last_failed_time FROM pg_stat_archiver),
'lastFailedWal', (SELECT last_failed_wal FROM pg_stat_archiver))`

// Postgres is what PostgreSQL says of itself.
type Postgres struct {
	InRecovery      bool   `json:"inRecovery"`
	Version         int    `json:"version"`
	SystemID        string `json:"systemId"`
	DatabaseBytes   int64  `json:"databaseBytes"`
	WALSegmentBytes uint64 `json:"walSegmentBytes"`
	ArchiveMode     string `json:"archiveMode"`
	// ArchiveCommand reports whether archive_command runs pgBackRest.
	ArchiveCommand bool `json:"archiveCommand"`
	// ArchiveStanza is the stanza in archive_command. Nil if it names none, as
	// when it calls a script.
	ArchiveStanza   *string    `json:"archiveStanza"`
	LastArchived    *time.Time `json:"lastArchived"`
	LastArchivedWAL *string    `json:"lastArchivedWal"`
	LastFailed      *time.Time `json:"lastFailed"`
	LastFailedWAL   *string    `json:"lastFailedWal"`
}

// FailedSince is when archiving failed last. Nil if the newest attempt succeeded
// or there was none.
func (p Postgres) FailedSince() *time.Time {
	if p.LastFailed == nil || p.LastArchived != nil && p.LastArchived.After(*p.LastFailed) {
		return nil
	}
	return p.LastFailed
}

// ReadPostgres asks the PostgreSQL in a container about itself.
func (c *Cluster) ReadPostgres(ctx context.Context, at Place) (Postgres, error) {
	var p Postgres
	err := c.query(ctx, at, PostgresStatement, &p)
	return p, err
}

// CountBackupSessions asks PostgreSQL for the sessions of backups, wherever these
// run.
func (c *Cluster) CountBackupSessions(ctx context.Context, at Place) (int, error) {
	var count int
	err := c.query(ctx, at, BackupSessionsStatement, &count)
	return count, err
}

// query decodes the answer of PostgreSQL, which is JSON.
func (c *Cluster) query(ctx context.Context, at Place, statement string, into any) error {
	return c.queryBy(ctx, at, PsqlCommand(statement), into)
}

func (c *Cluster) queryBy(ctx context.Context, at Place, argv []string, into any) error {
	out, err := c.Capture(ctx, at, argv)
	if code, ended := ExitCode(err); ended && code != 0 {
		return attempt.Retry("cannot query PostgreSQL in %s: psql exit code %d: %s", at, code, out.Complaint())
	}
	if err != nil {
		return fmt.Errorf("cannot query PostgreSQL in %s: %w", at, err)
	}
	if err := json.Unmarshal(out.Stdout.Bytes(), into); err != nil {
		return fmt.Errorf("cannot read the answer of PostgreSQL in %s: %w", at, err)
	}
	return nil
}

// PsqlCommand is the command line that asks the PostgreSQL in the same container
// through its socket.
func PsqlCommand(statement string) []string { return psqlCommand("postgres", statement) }

func psqlCommand(database, statement string) []string {
	return []string{
		"psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1",
		"--host=" + cpo.PGSocketPath, "--port=" + cpo.PGPort, "--username=postgres", "--dbname=" + database,
		"--command=" + statement,
	}
}
