// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// PostgreSQL takes names of restore points up to 63 bytes. The time takes the last 21.
const (
	restorePointTime   = "20060102T150405.000Z"
	restorePointPrefix = 63 - len("-"+restorePointTime)
)

var restorePointName = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9][A-Za-z0-9._-]{0,%d}$`, restorePointPrefix-1))

// CheckRestorePointName says why the name of a restore point cannot begin so.
func CheckRestorePointName(prefix string) error {
	if !restorePointName.MatchString(prefix) {
		return fmt.Errorf("must be 1 to %d letters, digits, dots, underscores and hyphens, and begin with a letter or digit", restorePointPrefix)
	}
	return nil
}

// restorePointStatement has the transaction of the statement write a commit record after
// the restore point, by taking a transaction ID: so the database can also be restored to
// the time of the point, for which PostgreSQL needs a later commit. The subquery is
// not merged into the query, because its function is volatile. pg_walfile_name knows the
// timeline even before the first checkpoint after a failover, pg_control_checkpoint
// does not.
const restorePointStatement = `SELECT json_build_object('lsn', lsn, 'segment', pg_walfile_name(lsn), 'time', clock_timestamp(), 'xid', txid_current()::text)` +
	` FROM (SELECT pg_create_restore_point('%s') AS lsn) AS point`

// RestorePointStatement creates a restore point whose name begins with prefix and ends
// with a time.
func RestorePointStatement(prefix string, at time.Time) (statement, name string, err error) {
	if err := CheckRestorePointName(prefix); err != nil {
		return "", "", err
	}
	name = prefix + "-" + at.UTC().Format(restorePointTime)
	return fmt.Sprintf(restorePointStatement, name), name, nil
}

// RestorePoint is one that PostgreSQL has written.
type RestorePoint struct {
	Name string    `json:"-"`
	LSN  string    `json:"lsn"`
	Time time.Time `json:"time"`
	// Segment is the WAL segment that holds it.
	Segment string `json:"segment"`
}

// Timeline returns the timeline of the restore point.
func (p RestorePoint) Timeline() (int, error) { return timelineOf(p.Segment) }

// timelineOf returns the timeline of a WAL segment.
func timelineOf(segment string) (int, error) {
	if len(segment) != 24 {
		return 0, fmt.Errorf("%q is not the name of a WAL segment", segment)
	}
	timeline, err := strconv.ParseUint(segment[:8], 16, 32)
	return int(timeline), err
}

// CreateRestorePoint creates a restore point in the PostgreSQL of a container.
func (c *Cluster) CreateRestorePoint(ctx context.Context, at Place, prefix string) (RestorePoint, error) {
	statement, name, err := RestorePointStatement(prefix, c.Clock.Now())
	if err != nil {
		return RestorePoint{}, attempt.Stop("the name of the restore point %v", err)
	}
	point := RestorePoint{}
	err = c.query(ctx, at, statement, &point)
	point.Name = name
	return point, err
}
