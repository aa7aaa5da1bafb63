// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// ArchivingStatement reads all of an Archiving, and switches no WAL. PostgreSQL takes the
// snapshot of the statement before the statement reads the LSN: whatever the snapshot
// shows as committed has its commit at or before the LSN. pg_walfile_name knows the
// timeline even before the first checkpoint after a failover. On a standby both functions
// of the LSN are errors, so they are not called there.
const ArchivingStatement = `SELECT json_build_object(
'inRecovery', pg_is_in_recovery(),
'snapshot', txid_current_snapshot()::text,
'lsn', CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn()::text END,
'walFile', CASE WHEN NOT pg_is_in_recovery() THEN pg_walfile_name(pg_current_wal_insert_lsn()) END,
'lastArchived', last_archived_wal,
'lastArchivedTime', last_archived_time,
'lastFailed', last_failed_wal,
'lastFailedTime', last_failed_time,
'failedCount', failed_count,
'waiting', (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'),
'stalledSeconds', (SELECT CASE WHEN count(*) > 0 THEN greatest(extract(epoch FROM clock_timestamp()
- greatest(min(modification), last_archived_time, pg_postmaster_start_time()))::bigint, 0) END
FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'),
'walBytes', (SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()),
'segmentBytes', (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
'archivingOff', current_setting('archive_mode') = 'off'
OR coalesce(current_setting('archive_library', true), '') = ''
AND btrim(current_setting('archive_command')) IN ('', ':', 'true', '/bin/true', '/usr/bin/true', 'exit 0'))
FROM pg_stat_archiver`

// archivingDatabase ends psql and its session by themselves if PostgreSQL does not answer:
// a command outlives its stream, and one more of them every few minutes would fill
// max_connections.
const archivingDatabase = `dbname=postgres application_name=stanzaflow-watch connect_timeout=10` +
	` options='-c statement_timeout=10s -c default_transaction_read_only=on'`

// ArchivingCommand is the command line that asks the PostgreSQL in the same container for
// an Archiving.
func ArchivingCommand() []string { return psqlCommand(archivingDatabase, ArchivingStatement) }

// Archiving is what PostgreSQL says of its WAL and its archiver.
type Archiving struct {
	InRecovery bool   `json:"inRecovery"`
	Snapshot   string `json:"snapshot"`
	// LSN is the insert position. WALFile is the segment in which it is.
	LSN     string `json:"lsn"`
	WALFile string `json:"walFile"`

	LastArchived     string     `json:"lastArchived"`
	LastArchivedTime *time.Time `json:"lastArchivedTime"`
	LastFailed       string     `json:"lastFailed"`
	LastFailedTime   *time.Time `json:"lastFailedTime"`
	FailedCount      int64      `json:"failedCount"`
	Waiting          int32      `json:"waiting"`
	// StalledSeconds is how long segments wait, and none of them was archived.
	StalledSeconds int64 `json:"stalledSeconds"`
	WALBytes       int64 `json:"walBytes"`
	SegmentBytes   int64 `json:"segmentBytes"`
	ArchivingOff   bool  `json:"archivingOff"`
}

// Timeline returns the timeline on which the primary writes.
func (a Archiving) Timeline() (int32, error) {
	if len(a.WALFile) != 24 {
		return 0, fmt.Errorf("%q is not the name of a WAL segment", a.WALFile)
	}
	timeline, err := strconv.ParseInt(a.WALFile[:8], 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not the name of a WAL segment", a.WALFile)
	}
	return int32(timeline), nil
}

// segmentHeader is how many bytes PostgreSQL puts at the beginning of a WAL segment.
const segmentHeader = 40

// Position returns the LSN. Right after a switch it is behind the header of a segment
// that holds nothing: then it is the end of the segment before, as everything written is in
// that one. Else a database at rest would never seem to be archived.
func (a Archiving) Position() (string, error) {
	var high, low uint32
	if _, err := fmt.Sscanf(a.LSN, "%X/%X", &high, &low); err != nil {
		return "", fmt.Errorf("%q is not an LSN", a.LSN)
	}
	if a.SegmentBytes > segmentHeader && int64(low)%a.SegmentBytes == segmentHeader {
		low -= segmentHeader
	}
	return fmt.Sprintf("%X/%X", high, low), nil
}

// ReadArchiving asks the PostgreSQL in a container about its archiving.
func (c *Cluster) ReadArchiving(ctx context.Context, at Place) (Archiving, error) {
	var a Archiving
	err := c.queryBy(ctx, at, ArchivingCommand(), &a)
	return a, err
}

// WALPath is the directory of the WAL. It may be a link to another volume, which df
// follows.
const WALPath = cpo.PGDataPath + "/pg_wal"

// RepoPath is the volume of a repo on the repo host.
func RepoPath(repo string) string { return cpo.RepoDir + "/" + repo }

// DiskFreeCommand asks how large the file system of a path is, and how many bytes of it
// are left for whoever is not root. Only the df of GNU coreutils has these options.
func DiskFreeCommand(path string) []string {
	return []string{"df", "--block-size=1", "--output=size,avail", path}
}

// DiskFree returns the size of the file system of a path and what is left of it, in
// bytes. It is false if that is not known: an image need not have such a df.
func (c *Cluster) DiskFree(ctx context.Context, at Place, path string) (size, free int64, known bool) {
	out, err := c.Capture(ctx, at, DiskFreeCommand(path))
	if err != nil {
		return 0, 0, false
	}
	return parseDiskFree(out.Stdout.String())
}

// parseDiskFree reads a line of titles and a line of numbers.
func parseDiskFree(text string) (size, free int64, known bool) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	if len(lines) != 2 || len(fields) != 2 {
		return 0, 0, false
	}
	size, sizeErr := strconv.ParseInt(fields[0], 10, 64)
	free, freeErr := strconv.ParseInt(fields[1], 10, 64)
	known = sizeErr == nil && freeErr == nil && size > 0 && free >= 0 && free <= size
	if !known {
		return 0, 0, false
	}
	return size, free, true
}
