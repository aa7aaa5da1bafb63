// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// track is the WAL that lies on the path to one timeline.
type track struct {
	archive *archive
	number  uint32
	path    wal.Path
	// numbers of the segments that are there, sorted. Of each: the last one of the run
	// without a gap that it is in, and the earliest time of it and all behind it.
	numbers []uint64
	runEnd  []uint64
	bound   []time.Time
	// damaged are the numbers of segments that are there and cannot be read, sorted.
	damaged []uint64
}

// track returns the WAL on the path to a timeline, nil if its history cannot be read.
func (a *archive) track(number uint32) *track {
	if have, ok := a.tracks[number]; ok {
		return have
	}
	t, ok := a.timelines[number]
	if !ok || t.path == nil {
		return nil
	}
	made := &track{archive: a, number: number, path: t.path}
	made.fill()
	a.tracks[number] = made
	return made
}

func (t *track) fill() {
	times := map[uint64]time.Time{}
	for segment, file := range t.archive.segments {
		if t.has(segment) {
			times[segment.Number] = file.Time
		}
	}
	for segment := range t.archive.damaged {
		if t.has(segment) {
			t.damaged = append(t.damaged, segment.Number)
		}
	}
	slices.Sort(t.damaged)
	t.numbers = slices.Sorted(maps.Keys(times))
	n := len(t.numbers)
	t.runEnd, t.bound = make([]uint64, n), make([]time.Time, n)
	for i, number := range slices.Backward(t.numbers) {
		t.runEnd[i], t.bound[i] = number, times[number]
		if i+1 < n {
			if t.numbers[i+1] == number+1 {
				t.runEnd[i] = t.runEnd[i+1]
			}
			if t.bound[i+1].Before(t.bound[i]) {
				t.bound[i] = t.bound[i+1]
			}
		}
	}
}

// has reports whether the path leads through a segment.
func (t *track) has(segment wal.Segment) bool {
	return t.path.Timeline(segment.Number, t.archive.size) == segment.Timeline
}

// segment is that of a number on the path.
func (t *track) segment(number uint64) wal.Segment {
	return wal.Segment{Timeline: t.path.Timeline(number, t.archive.size), Number: number}
}

// name is the name of the segment of a number on the path.
func (t *track) name(number uint64) string { return t.archive.size.Name(t.segment(number)) }

// newest returns the last segment that is there, whether it can be read or not.
func (t *track) newest() (uint64, bool) {
	var last uint64
	for _, numbers := range [][]uint64{t.numbers, t.damaged} {
		if len(numbers) > 0 {
			last = max(last, numbers[len(numbers)-1])
		}
	}
	return last, len(t.numbers)+len(t.damaged) > 0
}

// run returns the last segment that is there without a gap from a segment on. It is false
// if that one is missing itself.
func (t *track) run(from uint64) (uint64, bool) {
	i, found := slices.BinarySearch(t.numbers, from)
	if !found {
		return 0, false
	}
	return t.runEnd[i], true
}

// written returns a moment before which everything up to the end of a segment was written,
// by the times at which it and later ones were archived. These are whole seconds, rounded
// down. It is zero if nothing of that was archived.
func (t *track) written(number uint64) time.Time {
	i, _ := slices.BinarySearch(t.numbers, number)
	if i == len(t.numbers) {
		return time.Time{}
	}
	return t.bound[i].Add(time.Second)
}

// missing names the segments that are missing from one on: up to the next that is there,
// and of many only the first and the last.
func (t *track) missing(from, to uint64) []string {
	const few = 3
	last := to
	for _, numbers := range [][]uint64{t.numbers, t.damaged} {
		i, _ := slices.BinarySearch(numbers, from)
		if i < len(numbers) {
			last = min(last, numbers[i]-1)
		}
	}
	last = max(last, from)
	if last-from < few {
		var names []string
		for number := from; number <= last; number++ {
			names = append(names, t.name(number))
		}
		return names
	}
	return []string{t.name(from), t.name(last)}
}

// slack is how far the commit of a heartbeat is behind its position at most, in an archive
// that ends there: what other sessions write in a millisecond or two.
const slack = 64 << 10

// upper is the last segment that may be needed to reach a known moment. It is false if
// nothing is known of that. The commit of a heartbeat is behind its position, so it may be
// in the next segment.
func (t *track) upper(k Known) (uint64, bool) {
	if k.Timeline != t.number {
		return 0, false
	}
	position := cmp.Or(k.LSN, k.Before)
	if position == 0 {
		position = t.archive.position(k)
	}
	number := t.archive.size.LastNumber(position)
	if k.LSN == 0 || !k.Heartbeat {
		return number, position != 0
	}
	if newest, ok := t.newest(); ok && number < newest {
		return number + 1, true
	}
	return t.archive.size.LastNumber(position + slack), true
}

// position is one that WAL had not reached at a known moment: the start of a backup that
// began later. It is 0 without one.
func (a *archive) position(k Known) wal.LSN {
	var first wal.LSN
	for _, s := range a.sets {
		if s.timeline == k.Timeline && s.Start.After(k.Time) && (first == 0 || s.start < first) {
			first = s.start
		}
	}
	return first
}

// lower is the last segment that must be there because of a known moment. It is false if
// nothing is known, or if the moment is not on the path.
func (t *track) lower(k Known) (uint64, bool) {
	if k.LSN == 0 || !t.path.Has(k.Timeline, k.LSN) {
		return 0, false
	}
	return t.archive.size.LastNumber(k.LSN), true
}

// commits reports whether the commit of a known moment is on the path for certain: that of
// a heartbeat is behind its position.
func (t *track) commits(k Known) bool {
	if k.Bound || k.Timeline == t.number {
		return !k.Bound
	}
	number, ok := t.lower(k)
	end, _ := t.path.End(k.Timeline)
	return ok && number+1 < t.archive.size.Number(end)
}
