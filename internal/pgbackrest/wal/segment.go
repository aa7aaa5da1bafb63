// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package wal

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is wal_segment_size, in bytes.
type Size uint64

// DefaultSize is what initdb takes if nobody says otherwise.
const DefaultSize Size = 16 << 20

// PostgreSQL's limits, both powers of two.
const (
	minSize Size = 1 << 20
	maxSize Size = 1 << 30
)

// Valid reports whether PostgreSQL takes a size: a power of two from 1 MiB to 1 GiB.
func (s Size) Valid() bool { return s >= minSize && s <= maxSize && s&(s-1) == 0 }

// Bytes is the size as a number of bytes to count with.
func (s Size) Bytes() int64 { return int64(s) } //nolint:gosec // PostgreSQL takes 1 GiB at most

// perLog is how many segments share the middle part of their names.
func (s Size) perLog() uint64 { return uint64(1<<32) / uint64(s) }

// Segment is a WAL segment of one timeline.
type Segment struct {
	Timeline uint32
	// Number counts segments from the position 0/0.
	Number uint64
}

const (
	// nameDigits is the length of a name: 8 hexadecimal digits each for the timeline, the
	// log file and the segment in it.
	nameDigits = 24
	// maxLog is how many values the middle part has.
	maxLog = 1 << 32
)

// Parse reads the name of a segment.
func (s Size) Parse(name string) (Segment, error) {
	if !s.Valid() {
		return Segment{}, fmt.Errorf("%d is not a size of WAL segments, a power of two from 1 MiB to 1 GiB", s)
	}
	if !isName(name) {
		return Segment{}, fmt.Errorf("%q is not the name of a WAL segment, 24 hexadecimal digits", name)
	}
	var parts [3]uint64
	for i := range parts {
		parts[i], _ = strconv.ParseUint(name[8*i:8*i+8], 16, 32) // isName has seen the digits.
	}
	if parts[2] >= s.perLog() {
		return Segment{}, fmt.Errorf("WAL segment %s does not exist with segments of %d bytes: check wal_segment_size", name, s)
	}
	return Segment{Timeline: uint32(parts[0]), Number: parts[1]*s.perLog() + parts[2]}, nil //nolint:gosec // eight hexadecimal digits
}

func isName(text string) bool {
	return len(text) == nameDigits && strings.Trim(text, "0123456789ABCDEF") == ""
}

// Name is the name of a segment.
func (s Size) Name(segment Segment) string {
	return fmt.Sprintf("%08X%08X%08X", segment.Timeline, segment.Number/s.perLog()%maxLog, segment.Number%s.perLog())
}

// Number returns which segment holds a position.
func (s Size) Number(at LSN) uint64 { return uint64(at) / uint64(s) }

// LastNumber returns which segment holds the byte before a position: the one that is
// needed to read up to there.
func (s Size) LastNumber(end LSN) uint64 {
	if end == 0 {
		return 0
	}
	return s.Number(end - 1)
}

// Of returns the segment of a timeline that holds a position.
func (s Size) Of(timeline uint32, at LSN) Segment {
	return Segment{Timeline: timeline, Number: s.Number(at)}
}

// Start is the position at which a segment begins.
func (s Size) Start(number uint64) LSN { return LSN(number * uint64(s)) }

// Pair is a position and the name of its segment, as pgbackrest info gives both.
type Pair struct{ LSN, Name string }

// SizeOf finds the size with which every position is in the segment of its pair. It
// prefers DefaultSize if several fit, as at the beginning of the WAL, and is false if none
// does.
func SizeOf(pairs []Pair) (Size, bool) {
	fits := func(s Size) bool {
		for _, pair := range pairs {
			at, err := ParseLSN(pair.LSN)
			if err != nil {
				return false
			}
			segment, err := s.Parse(pair.Name)
			if err != nil || segment.Number != s.Number(at) && segment.Number != s.LastNumber(at) {
				return false
			}
		}
		return true
	}
	if fits(DefaultSize) {
		return DefaultSize, true
	}
	for s := minSize; s <= maxSize; s *= 2 {
		if fits(s) {
			return s, true
		}
	}
	return 0, false
}
