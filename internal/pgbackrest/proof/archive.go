// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"maps"
	"regexp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// hasItsWAL checks every segment that PostgreSQL wrote while the backup ran, from the
// first to the last. The backup is consistent only with all of them.
func hasItsWAL(in Input, b pgbackrest.Backup) []string {
	wal, err := in.wal(b)
	if err != nil {
		return reason("The WAL that backup %s in repo%d needs is not known: %v.", b.Label, in.Repo, err)
	}
	var reasons []string
	if len(wal.late) > 0 {
		reasons = append(reasons, reason("Backup %s is not complete yet: %d of the %d WAL segments it needs are late, not in repo%d: %s; "+
			"see why in the PostgreSQL log and in pg_stat_archiver.", b.Label, len(wal.late), wal.needed, in.Repo, List(wal.late))...)
	}
	if len(wal.lost) > 0 {
		reasons = append(reasons, reason("Backup %s cannot be restored: %d of the %d WAL segments it needs are not in repo%d, although PostgreSQL has archived them: %s; "+
			"see whether archive-push-queue-max dropped them or the store lost them, then make the backup again.",
			b.Label, len(wal.lost), wal.needed, in.Repo, List(wal.lost))...)
	}
	if len(wal.twice) > 0 {
		reasons = append(reasons, reason("Backup %s cannot be restored: %d of the %d WAL segments it needs are in repo%d "+
			"more than once with different content: %s; find out whether two primaries archive to this stanza.",
			b.Label, len(wal.twice), wal.needed, in.Repo, List(wal.twice))...)
	}
	return reasons
}

// LacksWAL reports whether a segment that the backup of the run needs is not in the
// archive.
func (in Input) LacksWAL() bool {
	wal := in.walOfRun()
	return len(wal.late)+len(wal.lost) > 0
}

// LateWAL returns the segments that the backup of the run lacks and may still get:
// none if another one is lost, so that waiting does not help.
func (in Input) LateWAL() []string {
	wal := in.walOfRun()
	if len(wal.lost)+len(wal.twice) > 0 {
		return nil
	}
	return wal.late
}

// OnlyLate reports whether the only reason against the backup is that WAL is late:
// another try may find it.
func (in Input) OnlyLate() bool {
	late := in.LateWAL()
	complete := in
	complete.Archived = map[string]bool{}
	maps.Copy(complete.Archived, in.Archived)
	for _, name := range late {
		complete.Archived[name] = true
	}
	_, reasons := Prove(complete)
	return len(late) > 0 && len(reasons) == 0
}

// walState is what the archive has of the segments that a backup needs.
type walState struct {
	needed int
	// late are absent, and PostgreSQL may still archive them. lost are absent although
	// it has archived them. twice are there with different content.
	late, lost, twice []string
}

func (in Input) walOfRun() walState {
	b, ok := in.Backup()
	if !ok {
		return walState{}
	}
	state, _ := in.wal(b) // hasItsWAL reports the error.
	return state
}

func (in Input) wal(b pgbackrest.Backup) (walState, error) {
	segments, err := Segments(b.WALStart, b.WALStop, in.SegmentBytes)
	state := walState{needed: len(segments)}
	for _, name := range segments {
		switch whole, ok := in.Archived[name]; {
		case !ok && HasArchived(in.ArchivedUpTo, name):
			state.lost = append(state.lost, name)
		case !ok:
			state.late = append(state.late, name)
		case !whole:
			state.twice = append(state.twice, name)
		}
	}
	return state, err
}

// archiverFile is a name in pg_stat_archiver from which we know a segment: its own, or
// that of a backup history file, which follows its segment. A partial segment and
// a timeline history file are neither.
var archiverFile = regexp.MustCompile(`^([0-9A-F]{24})(?:\.[0-9A-F]{8}\.backup)?$`)

// HasArchived reports whether PostgreSQL has archived a segment, if last is the last
// file that it archived. It archives the segments of a timeline in their order and
// skips none. Of another timeline it says nothing.
func HasArchived(last, segment string) bool {
	match := archiverFile.FindStringSubmatch(last)
	return match != nil && match[1][:8] == segment[:8] && segment <= match[1]
}
