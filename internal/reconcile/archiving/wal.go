// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

const (
	// defaultSegment is the size of a WAL segment unless initdb was given another one.
	defaultSegment = 16 << 20
	// segmentHeader is the size of the header that PostgreSQL writes at the beginning of
	// a segment. A position at its end has no WAL in that segment yet.
	segmentHeader = 40
	// segmentName is how long the name of a WAL segment is.
	segmentName = 24
)

// position reads an LSN, such as 0/3000148.
func position(text string) (uint64, bool) {
	high, low, found := strings.Cut(text, "/")
	h, err := strconv.ParseUint(high, 16, 32)
	l, errLow := strconv.ParseUint(low, 16, 32)
	return h<<32 | l, found && err == nil && errLow == nil
}

// lsn writes a position.
func lsn(position uint64) string { return fmt.Sprintf("%X/%X", position>>32, uint32(position)) } //nolint:gosec // the lower half

// segmentEnd returns the timeline of a WAL segment and the position at its end. The
// archiver also archives files about a segment: before the backup history file of a
// segment the segment itself, and a .partial one that is not complete.
func segmentEnd(name string, size int64) (timeline int32, end uint64, ok bool) {
	name, rest := name[:min(len(name), segmentName)], name[min(len(name), segmentName):]
	if len(name) < segmentName || rest != "" && !strings.HasSuffix(rest, ".backup") && rest != ".partial" {
		return 0, 0, false
	}
	var parts [3]uint64
	for i := range parts {
		part, err := strconv.ParseUint(name[8*i:8*i+8], 16, 32)
		if err != nil {
			return 0, 0, false
		}
		parts[i] = part
	}
	bytes := uint64(defaultSegment)
	if size > 0 {
		bytes = uint64(size)
	}
	number := parts[1]*(1<<32/bytes) + parts[2] + 1
	if rest == ".partial" {
		number--
	}
	return int32(parts[0]), number * bytes, true //nolint:gosec // eight hexadecimal digits that PostgreSQL counts up from 1
}

// archivedTo is the position up to which the WAL of the present timeline is in every
// repo: what the archiver says, and no more than each repo lists. An archive_command may
// succeed without archiving, for instance with archive-push-queue-max.
func archivedTo(sample *report.Sample) (uint64, bool) {
	names := make([]string, 0, 1+len(sample.Repos))
	if sample.WAL.LastArchived != "" {
		names = append(names, sample.WAL.LastArchived)
	}
	for _, repo := range sample.Repos {
		if !repo.Unread {
			names = append(names, repo.ArchiveMax)
		}
	}
	var to uint64
	for i, name := range names {
		timeline, end, ok := segmentEnd(name, sample.WAL.SegmentBytes)
		if !ok || timeline != sample.WAL.Timeline {
			return 0, false
		}
		if i == 0 || end < to {
			to = end
		}
	}
	return to, len(names) > 0
}

// behind is how much WAL PostgreSQL has written after the last archived segment.
func behind(sample *report.Sample) int64 {
	at, ok := position(sample.WAL.LSN)
	to, known := archivedTo(sample)
	if !ok || !known || at <= to+segmentHeader {
		return 0
	}
	return int64(at - to) //nolint:gosec // far less than 2^63
}

// archived reports whether a sample had no WAL that is not in every repo by now. Now is
// the newest sample.
func archived(sample, now *report.Sample) bool {
	if sample.WAL == nil || now.WAL == nil || sample.WAL.Timeline != now.WAL.Timeline {
		return false
	}
	at, ok := position(sample.WAL.LSN)
	to, known := archivedTo(now)
	return ok && known && at <= to+segmentHeader
}
