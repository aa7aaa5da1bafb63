// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// HeartbeatStatement has its transaction write a commit record and no data, by taking a
// transaction ID. PostgreSQL can only be restored to a time if it finds a later commit, and
// this one is later than the time by less than a millisecond.
//
// The function that takes the ID must stay in the list of targets: it is STABLE, so
// PostgreSQL may leave it out of a subquery whose result nobody needs. It is the one that
// every release has. Such a transaction works where default_transaction_read_only is on, and
// waits for no synchronous standby, because it has written nothing before its commit.
const HeartbeatStatement = `SELECT json_build_object(
'xid', txid_current()::text,
'time', clock_timestamp(),
'lsn', pg_current_wal_insert_lsn(),
'segment', pg_walfile_name(pg_current_wal_insert_lsn()),
'lastArchived', (SELECT last_archived_time FROM pg_stat_archiver))`

// Heartbeat is a commit that PostgreSQL has written for us.
type Heartbeat struct {
	// Time is the database's, just before the commit, to the microsecond.
	Time time.Time `json:"time"`
	// LSN is where the commit begins, Segment the WAL segment there.
	LSN     string `json:"lsn"`
	Segment string `json:"segment"`
	// LastArchived is when PostgreSQL had archived a segment last, nil if it never had.
	LastArchived *time.Time `json:"lastArchived"`
}

// Timeline returns the timeline of the heartbeat.
func (h Heartbeat) Timeline() (int, error) { return timelineOf(h.Segment) }

// writeHeartbeat writes a heartbeat, nil if PostgreSQL refuses it: close to the end of its
// transaction IDs it takes no new one, and needs a backup more than ever.
func (c *Cluster) writeHeartbeat(ctx context.Context, primary Place) (*Heartbeat, error) {
	written := &Heartbeat{}
	err := c.query(ctx, primary, HeartbeatStatement, written)
	if refused, ok := errors.AsType[*attempt.Failure](err); ok {
		c.Logf("no heartbeat is written, so nobody knows the newest restorable moment exactly: %v", refused)
		return nil, nil
	}
	return written, err
}

// archivedIn returns the heartbeat if it is in every repo in which pgbackrest check has seen
// the segment that it made PostgreSQL switch, and nil otherwise. That segment is the one
// with the heartbeat or a later one, unless there was a failover between the two.
func (h *Heartbeat) archivedIn(seen map[int]pgbackrest.CheckedSegment) *Heartbeat {
	if h == nil || len(seen) == 0 {
		return nil
	}
	timeline, err := h.Timeline()
	for _, segment := range seen {
		on, unknown := timelineOf(segment.Name)
		if err != nil || unknown != nil || on != timeline || segment.Name < h.Segment {
			return nil
		}
	}
	return h
}
