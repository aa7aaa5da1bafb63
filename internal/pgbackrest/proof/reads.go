// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"strconv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// Reads is what VerifyCommand reads of a repository to verify a backup.
type Reads struct {
	Bytes int64
	// Archive means that it also reads all WAL of all archives, whose size info does
	// not give.
	Archive bool
	// Wrong means that the result would be wrong.
	Wrong bool
}

// Reads returns what this version of pgBackRest reads to verify a backup.
func (in Input) Reads(b pgbackrest.Backup, version string) Reads {
	if atLeast(version, 55) {
		return in.readsBackup(b)
	}
	return in.readsAll(version)
}

// readsBackup is what verify reads from 2.55 on: the backup, those it builds on and
// its WAL, whose size before compression we know.
func (in Input) readsBackup(b pgbackrest.Backup) Reads {
	var reads Reads
	if segments, err := Segments(b.WALStart, b.WALStop, in.SegmentBytes); err == nil { // Else hasItsWAL says so.
		reads.Bytes = int64(len(segments)) * int64(in.SegmentBytes) //nolint:gosec // at most maxSegments of maxSegmentBytes
	}
	for _, label := range b.Files() {
		link, _ := in.Info.Backup(in.Repo, label)
		reads.Bytes += link.RepoDeltaBytes
	}
	return reads
}

// readsAll is what verify reads up to 2.54: it accepts --set, and reads the whole
// repository. Up to 2.46 it looks for files of a block incremental backup under names
// that they do not have, and finds them missing.
func (in Input) readsAll(version string) Reads {
	reads := Reads{Archive: true}
	for _, b := range in.Info.Backups {
		if b.RepoKey == in.Repo {
			reads.Bytes += b.RepoDeltaBytes
			reads.Wrong = reads.Wrong || b.BlockIncremental() && !atLeast(version, 47)
		}
	}
	return reads
}

// atLeast reports whether a version such as 2.55.1 is 2.minor or later. One that
// cannot be read is earlier.
func atLeast(version string, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, majorErr := strconv.Atoi(first)
	have, minorErr := strconv.Atoi(second)
	return majorErr == nil && minorErr == nil && (major > 2 || major == 2 && have >= minor)
}
