// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// Input is all that is known when a plan is made.
type Input struct {
	// Info is pgbackrest info of all repos.
	Info pgbackrest.Info
	// Repos is what could be read of the archive of each repo, by its number.
	Repos map[int]Repo
	// OnlyRepo restricts the plan to one repo. 0 takes all.
	OnlyRepo int
	// SegmentBytes is wal_segment_size. 0 takes it from the backups.
	SegmentBytes wal.Size
	// Major is the major version of PostgreSQL that will open the database. 0 takes that
	// of the newest backup.
	Major int
	// Known moments, in any order.
	Known []Known
	// LastArchived is the segment that the primary has archived last, as it says itself,
	// asked before the repos were listed. Empty if unknown.
	LastArchived string
	// Drills that were measured, in any order.
	Drills []Measured
	// FreeBytes is the room beside the old directory. Nil if unknown.
	FreeBytes *int64
	// Slots are the replication slots of the primary. Nil if unknown.
	Slots []string
}

// Repo is what could be read of the archive of one repo.
type Repo struct {
	// Archives is the listing of archive/<stanza>.
	Archives wal.Listing
	// Histories are those of the timelines of each archive, by its ID and the timeline.
	Histories map[string]map[uint32]wal.History
	// Problem says why the archive could not be read. Empty if it could.
	Problem string
}

// Known is a moment up to which all commits are known to be archived.
type Known struct {
	Time     time.Time
	Timeline uint32
	// LSN at that time. 0 if unknown.
	LSN wal.LSN
	// Before is a position that is behind the commit of the moment, for one whose LSN is
	// unknown. If it is 0, too, the start of the first backup after the moment is taken.
	Before wal.LSN
	// Heartbeat says that a commit was written right after Time and archived, so that
	// PostgreSQL can stop at Time. Without it Time is that of the newest known commit, and
	// PostgreSQL can stop at any moment before it; see Bound.
	Heartbeat bool
	// Bound says that Time is no commit: everything before it is archived, and nothing is
	// known of a commit at or after it.
	Bound bool
	// Repo in which it is archived. 0 means in all.
	Repo int
}

// Measured is what a drill took.
type Measured struct {
	At                          time.Time
	DatabaseBytes, WALBytes     int64
	Restore, Replay, FirstQuery time.Duration
}

// Kind of a target.
type Kind string

// Kinds of targets.
const (
	// Time restores to a moment.
	Time Kind = "time"
	// Latest follows the archive until a person ends the recovery. It is read-only until
	// then, and a store that goes away does not shorten it.
	Latest Kind = "latest"
	// Newest recovers to the end of the archive and opens the database: for drills, which
	// compare what they have got with the expectation.
	Newest Kind = "newest"
	// Immediate ends with the backup.
	Immediate Kind = "immediate"
)

// Target is what is asked for.
type Target struct {
	Kind Kind
	// Time to restore to. Only for Time.
	Time time.Time
	// Set is the label of the backup to begin with. Empty takes the best one.
	Set string
}
