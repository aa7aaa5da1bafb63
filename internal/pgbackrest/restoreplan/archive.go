// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"maps"
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// archive is the WAL of one system, of one repo or of several together.
type archive struct {
	size     wal.Size
	segments map[wal.Segment]time.Time
	// timelines that are seen, by their numbers.
	timelines map[uint32]*timeline
	tracks    map[uint32]*track
	// sets that were made while this WAL was written, in whatever repo.
	sets []set
	// archived is when the last segment of each timeline was archived.
	archived map[uint32]time.Time
}

// timeline is one timeline of a system.
type timeline struct {
	number uint32
	// begun is a moment at which it had begun for certain: its history was archived before.
	begun time.Time
	// listed is true if its history is in the archive, path is nil if it cannot be read.
	listed bool
	path   wal.Path
}

func newArchive(size wal.Size) *archive {
	return &archive{size: size, segments: map[wal.Segment]time.Time{}, timelines: map[uint32]*timeline{}, tracks: map[uint32]*track{}, archived: map[uint32]time.Time{}}
}

// add adds what one repo holds.
func (a *archive) add(files wal.Archive, histories map[uint32]wal.History) {
	for name, file := range files.Segments {
		segment, err := a.size.Parse(name)
		if err != nil || !file.Readable(a.size) {
			continue
		}
		if have, ok := a.segments[segment]; !ok || file.Time.Before(have) {
			a.segments[segment] = file.Time
		}
	}
	for number, file := range files.Histories {
		t, begun := a.timeline(number), file.Time.Add(time.Second)
		if !t.listed || begun.Before(t.begun) {
			t.begun = begun
		}
		t.listed = true
		if history, ok := histories[number]; ok {
			t.path = history.Path(number)
		}
	}
}

func (a *archive) timeline(number uint32) *timeline {
	t, ok := a.timelines[number]
	if !ok {
		t = &timeline{number: number}
		a.timelines[number] = t
	}
	return t
}

// see notes a moment at which a timeline had begun for certain, in case that nothing is known
// of its history.
func (a *archive) see(number uint32, at time.Time) {
	t := a.timeline(number)
	if !t.listed && (t.begun.IsZero() || at.Before(t.begun)) {
		t.begun = at
	}
}

// finish gives the timelines without a history a path of their own. The oldest timeline
// was there from the beginning.
func (a *archive) finish() {
	for segment, at := range a.segments {
		a.see(segment.Timeline, at.Add(time.Second))
		if at.After(a.archived[segment.Timeline]) {
			a.archived[segment.Timeline] = at
		}
	}
	numbers := slices.Sorted(maps.Keys(a.timelines))
	for i, number := range numbers {
		t := a.timelines[number]
		if !t.listed {
			t.path = wal.History(nil).Path(number)
		}
		if i == 0 && !t.listed {
			t.begun = time.Time{}
		}
	}
}

// live returns the timeline on which the primary was at a moment: the newest that had
// begun. With a zero moment it is the newest of all. Those that are not the primary's do
// not count.
func (a *archive) live(at time.Time, stray map[uint32]bool) (uint32, bool) {
	for _, number := range slices.Backward(slices.Sorted(maps.Keys(a.timelines))) {
		t := a.timelines[number]
		if !stray[number] && (at.IsZero() || !t.begun.After(at)) {
			return number, true
		}
	}
	return 0, false
}

// others are the timelines on which a moment may be beside the one that seems to be live:
// later ones first, and then earlier ones of which WAL was archived after the moment.
func (a *archive) others(seems uint32, at time.Time, stray map[uint32]bool) []*timeline {
	var later, earlier []*timeline
	for _, t := range sortedTimelines(a) {
		switch {
		case stray[t.number] || t.number == seems:
		case t.number > seems:
			later = append(later, t)
		case a.archived[t.number].Add(time.Second).After(at):
			earlier = append(earlier, t)
		}
	}
	slices.Reverse(earlier)
	return append(later, earlier...)
}

// stray returns the timelines that a copy of the database has archived: after their
// history was there, the primary was still on an older one.
func (a *archive) stray(known []Known) map[uint32]bool {
	stray := map[uint32]bool{}
	for number, t := range a.timelines {
		stray[number] = t.listed && (slices.ContainsFunc(known, func(k Known) bool {
			return k.Timeline != 0 && k.Timeline < number && (k.Heartbeat || k.Bound) && k.Time.After(t.begun)
		}) || slices.ContainsFunc(a.sets, func(s set) bool { return s.timeline < number && s.Start.After(t.begun) }))
	}
	return stray
}
