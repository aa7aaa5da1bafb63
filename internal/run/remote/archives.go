// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"maps"
	"path"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Archives lists the WAL archives of a repo, of every database that it has.
func (c *Cluster) Archives(ctx context.Context, at Place, repo int) (wal.Listing, error) {
	argv, err := pgbackrest.RepoFilesCommand(repo, path.Join("archive", vocab.PgBackRestStanza))
	if err != nil {
		return nil, attempt.Stop("%v", err)
	}
	return StreamPgBackRest(ctx, c, at, argv, false, wal.ParseListing)
}

// Histories reads the histories that a repo lists, by the ID of the archive and the
// timeline.
func (c *Cluster) Histories(ctx context.Context, at Place, repo int, listing wal.Listing) (map[string]map[uint32]wal.History, error) {
	all := map[string]map[uint32]wal.History{}
	for _, id := range slices.Sorted(maps.Keys(listing)) {
		all[id] = map[uint32]wal.History{}
		for _, timeline := range slices.Sorted(maps.Keys(listing[id].Histories)) {
			argv, err := pgbackrest.RepoHistoryCommand(repo, path.Join("archive", vocab.PgBackRestStanza, id, wal.HistoryName(timeline)))
			if err != nil {
				return nil, attempt.Stop("%v", err)
			}
			out, err := c.capturePgBackRest(ctx, at, argv)
			if err != nil {
				return nil, err
			}
			// One that cannot be read is no reason to give up: it matters only to what is on its
			// timeline, and the plan says so.
			if history, err := wal.ParseHistory(timeline, out.Stdout.Bytes()); err == nil {
				all[id][timeline] = history
			}
		}
	}
	return all, nil
}
