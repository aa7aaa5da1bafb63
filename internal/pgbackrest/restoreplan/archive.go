// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// archive is the WAL of one system, of one repo or of several together.
type archive struct {
	size wal.Size
	// segments that a restore can read: the copy of the first repo, with the earliest time.
	segments map[wal.Segment]wal.File
	// damaged are those that are there, and that no restore can read.
	damaged map[wal.Segment]damage
	// timelines that are seen, by their numbers.
	timelines map[uint32]*timeline
	tracks    map[uint32]*track
	// sets that were made while this WAL was written, in whatever repo.
	sets []set
	// archived is when the last segment of each timeline was archived.
	archived map[uint32]time.Time
	// known moments of the system, in whatever repo.
	known []Known
	// last is the segment that the primary has archived last. Nil if unknown, or if the
	// primary is of another system.
	last *wal.Segment
	// stray are the timelines that a copy of the database has archived.
	stray map[uint32]bool
}

// timeline is one timeline of a system.
type timeline struct {
	number uint32
	// begun is a moment at which it had begun for certain: its history or a segment was
	// archived before, a backup had begun on it, or a heartbeat was written.
	begun time.Time
	// archived is when its history was archived. Much later than begun it is the time of a
	// copy of the repo, and the timeline may have begun long before.
	archived time.Time
	// listed is true if its history is in the archive, path is nil if it cannot be read.
	listed bool
	path   wal.Path
}

// damage says what is wrong with a segment.
type damage struct {
	// why continues a sentence that begins with the name.
	why string
	// differs says that two repos have it with different content, of which only one can be
	// the primary's.
	differs bool
}

func newArchive(size wal.Size) *archive {
	return &archive{size: size, segments: map[wal.Segment]wal.File{}, damaged: map[wal.Segment]damage{}, timelines: map[uint32]*timeline{}, tracks: map[uint32]*track{}, archived: map[uint32]time.Time{}}
}

// add adds what one repo holds, of several the first one first: pgBackRest takes its files,
// and does not look at their sizes.
func (a *archive) add(repo int, files wal.Archive, histories map[uint32]wal.History) {
	for name, file := range files.Segments {
		if segment, err := a.size.Parse(name); err == nil {
			a.addSegment(repo, segment, file)
		}
	}
	for number, file := range files.Histories {
		t := a.timeline(number)
		if !t.listed || file.Time.Before(t.archived) {
			t.archived = file.Time
		}
		a.see(number, file.Time.Add(time.Second))
		if history, ok := histories[number]; ok && !t.listed {
			t.path = history.Path(number)
		}
		t.listed = true
	}
}

// addSegment adds the copy of one repo. pgBackRest compares the checksums of all copies
// before it reads one, and refuses them if they differ.
func (a *archive) addSegment(repo int, segment wal.Segment, file wal.File) {
	have, ok := a.segments[segment]
	if !ok {
		a.segments[segment] = file
		switch {
		case strings.Contains(file.Sum, " "):
			a.damaged[segment] = damage{why: fmt.Sprintf("is in %s with more than one content, which pgBackRest refuses", repoName(repo))}
		case !file.Readable(a.size):
			a.damaged[segment] = damage{why: fmt.Sprintf("is cut short in %s, and pgBackRest takes it as it is", repoName(repo))}
		}
		return
	}
	if have.Sum != file.Sum {
		wrong := a.damaged[segment]
		wrong.differs = true
		if !strings.Contains(have.Sum, " ") {
			wrong.why = fmt.Sprintf("has another content in %s than in a repo before it, which pgBackRest refuses if the command names no repo", repoName(repo))
		}
		a.damaged[segment] = wrong
	}
	if file.Time.Before(have.Time) {
		have.Time = file.Time
		a.segments[segment] = have
	}
}

// finishSegments leaves those that a restore can read.
func (a *archive) finishSegments() {
	for segment, file := range a.segments {
		a.see(segment.Timeline, file.Time.Add(time.Second))
		if file.Time.After(a.archived[segment.Timeline]) {
			a.archived[segment.Timeline] = file.Time
		}
	}
	for segment := range a.damaged {
		delete(a.segments, segment)
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

// lists reports whether the history of a timeline is there.
func (a *archive) lists(number uint32) bool {
	t, ok := a.timelines[number]
	return ok && t.listed
}

// see notes a moment at which a timeline had begun for certain. The time of its history
// alone does not do: all files of a repo that was copied are as old as the copy.
func (a *archive) see(number uint32, at time.Time) {
	t := a.timeline(number)
	if t.begun.IsZero() || at.Before(t.begun) {
		t.begun = at
	}
}

// copied reports whether the times of the files are those of a copy of the repo.
func (t *timeline) copied() bool { return t.listed && t.archived.After(t.begun.Add(clocks)) }

// finish looks when the timelines have begun, and which are stray. It gives those without a
// history a path of their own. The oldest timeline was there from the beginning.
func (a *archive) finish() {
	a.finishSegments()
	for _, k := range a.known {
		if _, ok := a.timelines[k.Timeline]; ok && k.Heartbeat {
			a.see(k.Timeline, k.Time)
		}
	}
	for i, t := range sortedTimelines(a) {
		number := t.number
		if !t.listed {
			t.path = wal.History(nil).Path(number)
		}
		if i == 0 && !t.listed {
			t.begun = time.Time{}
		}
	}
	a.stray = map[uint32]bool{}
	for number, t := range a.timelines {
		a.stray[number] = t.listed && !a.hasHeartbeat(t) && (a.usedAfter(t) || a.archivedBeside(t))
	}
}

// live returns the timeline on which the primary was at a moment: the newest that had
// begun. With a zero moment it is the newest of all. Those that are not the primary's do
// not count.
func (a *archive) live(at time.Time) (uint32, bool) {
	for _, number := range slices.Backward(slices.Sorted(maps.Keys(a.timelines))) {
		t := a.timelines[number]
		if !a.stray[number] && (at.IsZero() || !t.begun.After(at)) {
			return number, true
		}
	}
	return 0, false
}

// others are the timelines on which a moment may be beside the one that seems to be live:
// later ones first, and then earlier ones of which WAL was archived after the moment.
func (a *archive) others(seems uint32, at time.Time) []*timeline {
	var later, earlier []*timeline
	for _, t := range sortedTimelines(a) {
		switch {
		case a.stray[t.number] || t.number == seems:
		case t.number > seems:
			later = append(later, t)
		case a.archived[t.number].Add(time.Second).After(at):
			earlier = append(earlier, t)
		}
	}
	slices.Reverse(earlier)
	return append(later, earlier...)
}

// hasHeartbeat reports whether a heartbeat was written on a timeline: runs write them to the
// primary only.
func (a *archive) hasHeartbeat(t *timeline) bool {
	return slices.ContainsFunc(a.known, func(k Known) bool { return k.Heartbeat && k.Timeline == t.number })
}

// usedAfter reports whether the primary was on an older timeline after this one had begun:
// then a copy of the database has made it.
func (a *archive) usedAfter(t *timeline) bool {
	return slices.ContainsFunc(a.known, func(k Known) bool {
		return k.Timeline != 0 && k.Timeline < t.number && (k.Heartbeat || k.Bound) && k.Time.After(t.begun)
	}) || slices.ContainsFunc(a.sets, func(s set) bool { return s.timeline < t.number && s.Start.After(t.begun) })
}

// archivedBeside reports whether the primary itself has archived WAL that is not on the way
// to a newer timeline: that of an older one behind the position at which this one left it.
func (a *archive) archivedBeside(t *timeline) bool {
	if !a.archivedBefore(t) || t.path == nil {
		return false
	}
	end, on := t.path.End(a.last.Timeline)
	return !on || a.last.Number >= a.size.Number(end)
}

// archivedBefore reports whether the last segment of the primary is of an older timeline.
func (a *archive) archivedBefore(t *timeline) bool {
	return a.last != nil && a.last.Timeline < t.number
}
