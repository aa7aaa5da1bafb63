// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// segmentDigits is the length of a segment's name: 8 hexadecimal digits
	// each for the timeline, the log file and the segment within it.
	segmentDigits = 24
	// segmentDirDigits of them name the directory in the repository.
	segmentDirDigits = 16
	// maxSegments bounds the work for one backup: 4 TiB of WAL in segments
	// of 16 MiB, written while the backup ran.
	maxSegments = 1 << 18

	// PostgreSQL's limits of a segment's size, a power of two.
	minSegmentBytes = 1 << 20
	maxSegmentBytes = 1 << 30
)

// segment is a position in the WAL of one timeline.
type segment struct {
	timeline uint64
	// number counts segments from the beginning of the numbering of the timeline:
	// log file times segments per log file plus the segment within it.
	number uint64
}

// Segments names every WAL segment from start to stop, both included. Both
// must be on one timeline: pgBackRest ends a backup that sees a promotion.
func Segments(start, stop string, segmentBytes uint64) ([]string, error) {
	if segmentBytes < minSegmentBytes || segmentBytes > maxSegmentBytes || segmentBytes&(segmentBytes-1) != 0 {
		return nil, fmt.Errorf("WAL segment size %d is not a power of two between 1 MiB and 1 GiB", segmentBytes)
	}
	perLog := uint64(1<<32) / segmentBytes
	from, err := parseSegment(start, perLog)
	if err != nil {
		return nil, err
	}
	to, err := parseSegment(stop, perLog)
	if err != nil {
		return nil, err
	}
	switch {
	case from.timeline != to.timeline:
		return nil, fmt.Errorf("WAL segments %s and %s are on different timelines", start, stop)
	case to.number < from.number:
		return nil, fmt.Errorf("WAL segment %s is before %s, where the backup starts", stop, start)
	case to.number-from.number >= maxSegments:
		return nil, fmt.Errorf("WAL segments %s to %s are %d, more than one backup can need", start, stop, to.number-from.number+1)
	}
	names := make([]string, 0, to.number-from.number+1)
	for number := from.number; number <= to.number; number++ {
		names = append(names, fmt.Sprintf("%08X%08X%08X", from.timeline, number/perLog, number%perLog))
	}
	return names, nil
}

func parseSegment(name string, perLog uint64) (segment, error) {
	malformed := fmt.Errorf("%q is not the name of a WAL segment, 24 hexadecimal digits", name)
	if len(name) != segmentDigits || strings.Trim(name, "0123456789ABCDEF") != "" {
		return segment{}, malformed
	}
	var parts [3]uint64
	for i := range parts {
		part, err := strconv.ParseUint(name[8*i:8*i+8], 16, 32)
		if err != nil {
			return segment{}, malformed
		}
		parts[i] = part
	}
	if parts[2] >= perLog {
		return segment{}, fmt.Errorf("WAL segment %s does not exist with %d segments per log file; check the WAL segment size", name, perLog)
	}
	return segment{timeline: parts[0], number: parts[1]*perLog + parts[2]}, nil
}

// SegmentDirs returns the directories of a repository that hold the segments,
// sorted, each once: the paths to list with RepoLSCommand.
func SegmentDirs(stanza, archiveID string, segments []string) []string {
	dirs := map[string]bool{}
	for _, name := range segments {
		if len(name) >= segmentDirDigits {
			dirs[path.Join("archive", stanza, archiveID, name[:segmentDirDigits])] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// archived is the file of a complete segment: segment, SHA-1 of its content,
// suffix of the compression. A partial segment, a history or backup file and a
// file still being written (.pgbackrest.tmp) are none.
var archived = regexp.MustCompile(`^([0-9A-F]{24})-([0-9a-f]{40})(?:\.(?:gz|lz4|zst|bz2))?$`)

// ArchivedSegments returns which segments are among the files of an archive
// directory. The value is false for a segment that is there more than once
// with different content: pgBackRest refuses to restore such a segment.
func ArchivedSegments(names []string) map[string]bool {
	segments := map[string]bool{}
	sums := map[string]string{}
	for _, name := range names {
		match := archived.FindStringSubmatch(path.Base(name))
		if match == nil {
			continue
		}
		name, sum := match[1], match[2]
		if have, ok := sums[name]; ok && have != sum {
			segments[name] = false
			continue
		}
		if _, ok := segments[name]; !ok {
			segments[name], sums[name] = true, sum
		}
	}
	return segments
}
