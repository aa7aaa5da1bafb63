// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"path"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// SettingsStatement reads all of a Settings.
const SettingsStatement = `SELECT json_build_object(
'libraries', current_setting('shared_preload_libraries'),
'preparedTransactions', current_setting('max_prepared_transactions')::int,
'locks', current_setting('max_locks_per_transaction')::int)`

// Settings are those of the primary that a restored copy needs. A backup may be older than
// their last change.
type Settings struct {
	// Libraries is shared_preload_libraries.
	Libraries string `json:"libraries"`
	// PreparedTransactions is max_prepared_transactions, Locks is
	// max_locks_per_transaction.
	PreparedTransactions int `json:"preparedTransactions"`
	Locks                int `json:"locks"`
}

// ReadSettings asks the PostgreSQL in a container for its Settings.
func (c *Cluster) ReadSettings(ctx context.Context, at Place) (Settings, error) {
	var s Settings
	err := c.query(ctx, at, SettingsStatement, &s)
	return s, err
}

// archivePath is the archive of the stanza in a repo.
const archivePath = "archive/" + vocab.PgBackRestStanza

// ListArchive lists all WAL in a repo.
func (c *Cluster) ListArchive(ctx context.Context, at Place, repo int) (wal.Listing, error) {
	argv, err := pgbackrest.RepoFilesCommand(repo, archivePath)
	if err != nil {
		return nil, attempt.Stop("%v", err)
	}
	return StreamPgBackRest(ctx, c, at, argv, false, wal.ParseListing)
}

// ReadHistory reads where a timeline comes from.
func (c *Cluster) ReadHistory(ctx context.Context, at Place, repo int, archive string, timeline uint32) (wal.History, error) {
	argv, err := pgbackrest.RepoHistoryCommand(repo, path.Join(archivePath, archive, wal.HistoryName(timeline)))
	if err != nil {
		return nil, attempt.Stop("%v", err)
	}
	out, err := c.capturePgBackRest(ctx, at, argv)
	if err != nil {
		return nil, err
	}
	return wal.ParseHistory(timeline, out.Stdout.Bytes())
}
