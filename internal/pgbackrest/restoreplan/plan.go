// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"strconv"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// Answer says how sure a plan is.
type Answer string

// Answers.
const (
	// Reachable is a target that a restore reaches.
	Reachable Answer = "Reachable"
	// NotProven is a target that can be in the archive: nothing that must be there is
	// missing, and no later commit is known.
	NotProven Answer = "NotProven"
)

// Types of pgbackrest restore.
const (
	TypeTime      = "time"
	TypeDefault   = "default"
	TypeImmediate = "immediate"
	TypeStandby   = "standby"
)

// Plan is a restore in all its parts.
type Plan struct {
	Answer Answer
	// Why is the sentence behind the Answer.
	Why  string
	Kind Kind
	// Stanza and Label of the set, and the repo that holds it.
	Stanza  string
	Label   string
	SetRepo int
	// Repo that a restore is restricted to. 0 means all: WAL comes from several.
	Repo int
	// Type is that of pgbackrest restore, one of the constants.
	Type string
	// Target in UTC. Zero unless Type is time.
	Target time.Time
	// Timeline that recovery follows.
	Timeline uint32
	// Current says that no repo has the history of Timeline, which is that of the set:
	// PostgreSQL does not take its number then, and takes the word current.
	Current bool
	// EndIsSame says that the end of the archive is the same state, if PostgreSQL finds no
	// commit after the Target: nothing is known to be archived behind it. Only for NotProven.
	EndIsSame bool
	// Abandoned says that the primary has left the Timeline before what was restored.
	Abandoned bool
	// ExpectTime and ExpectLSN are what a recovery to the end must reach at least. Zero if
	// nothing is known, and for Immediate.
	ExpectTime time.Time
	ExpectLSN  wal.LSN
	// Proven is the newest moment on the way to the end that is Reachable. Zero if there is
	// none. Only for Latest and Newest.
	Proven time.Time
	// First and Last are the WAL segments that are needed, Segments how many they are, and
	// WALBytes their size before compression.
	First, Last string
	Segments    int
	WALBytes    int64
	// DatabaseBytes is the size of the database in the set, and SetStop when the set ended.
	DatabaseBytes int64
	SetStop       time.Time
	// AlsoIn are other repos from which the same moment can be restored.
	AlsoIn []int
	// Filled are the segments that SetRepo lacks and another repo has.
	Filled []string
	// Notes are sentences that a person should know.
	Notes []string
	// Estimate of the time, nil without a drill.
	Estimate *Estimate
	// Lost is what the restored database does not have.
	Lost Lost
	// NeedBytes is the room that is needed beside the old directory, FreeBytes what is
	// there, nil if unknown.
	NeedBytes int64
	FreeBytes *int64
}

// Lost is what exists now and will not be in the restored database.
type Lost struct {
	// Span is the time of commits, nil if unknown.
	Span *time.Duration
	// WALBytes are those of the archive behind the target, before compression.
	WALBytes int64
	// Slots that are not restored. Nil if unknown.
	Slots []string
}

// Estimate is how long it will take by what drills have measured.
type Estimate struct {
	Restore, Replay time.Duration
	// Low and High are the sum by the fastest and the slowest drill.
	Low, High time.Duration
	// Drills that were measured, the newest first.
	Drills []time.Time
}

// targetLayout is read as the same moment by pgBackRest and by PostgreSQL.
const targetLayout = "2006-01-02 15:04:05.000000+00"

// FormatTarget writes a moment in UTC as pgBackRest and PostgreSQL take it. Without the
// offset each would read it in its own time zone.
func FormatTarget(t time.Time) string { return t.UTC().Format(targetLayout) }

// TimelineText is the value of target-timeline.
func (p Plan) TimelineText() string {
	if p.Current {
		return "current"
	}
	return strconv.FormatUint(uint64(p.Timeline), 10)
}

// Args are the arguments of pgbackrest restore. They have no target-action: PostgreSQL
// pauses at the target, read-only. A drill adds --target-action=promote where the Type is
// time or immediate, and pgBackRest refuses it elsewhere.
func (p Plan) Args() []string {
	args := []string{"--stanza=" + p.Stanza}
	if p.Repo != 0 {
		args = append(args, "--repo="+strconv.Itoa(p.Repo))
	}
	args = append(args, "--set="+p.Label, "--type="+p.Type)
	switch p.Type {
	case TypeTime:
		args = append(args, "--target="+FormatTarget(p.Target))
	case TypeStandby:
		args = append(args, "--recovery-option=primary_conninfo=")
	case TypeImmediate:
		return args
	}
	return append(args, "--target-timeline="+p.TimelineText())
}
