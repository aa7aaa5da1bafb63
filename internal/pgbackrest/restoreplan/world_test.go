// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// A world is a database over some hours: what was committed when, what was archived where,
// and what a recovery makes of it. It knows nothing of plans.
//
//	a primary that commits, backs up, fails over, is restored to the past
//	   ├─▶ the truth: which rows there were at a moment
//	   ├─▶ the archive: segments, histories, sets, some of them lost
//	   └─▶ recover: what PostgreSQL does with the archive, record by record
type world struct {
	random *rand.Rand
	now    time.Time
	lsn    wal.LSN
	branch *branch
	// branches are the timelines by their numbers. The primary was on each of them but the
	// strays.
	branches  map[uint32]*branch
	downs     []time.Time // of these the primary was stopped, until the next promotion
	sets      []*worldSet
	files     []file
	histories []historyFile
	known     []Known
	repos     int
	rows      int
	outage    time.Time
	// stored are the copies that are not lost, in the order of the repos.
	stored map[wal.Segment][]file
	// last is the segment that the primary has archived last. Empty if it is not asked.
	last string
}

const worldSegment wal.Size = 1 << 20

// commit is a row, and the record that makes it visible.
type commit struct {
	row int
	at  time.Time
	lsn wal.LSN // where the record begins
}

// branch is a timeline.
type branch struct {
	number   uint32
	parent   *branch
	fork     wal.LSN
	promoted time.Time
	commits  []commit
	stray    bool
	// next segment to archive, by its number.
	next uint64
}

type file struct {
	repo    int
	segment wal.Segment
	at      time.Time
	lost    bool
	// cut says that only the beginning is there, foreign that it is the segment of another
	// database with the same name.
	cut, foreign bool
}

// sum is the checksum in the name of the file. That of the beginning is that of the whole.
func (f file) sum() string {
	if f.foreign {
		return "foreign"
	}
	return "own"
}

type historyFile struct {
	repo   int
	number uint32
	at     time.Time
	lost   bool
}

type worldSet struct {
	label       string
	repo        int
	branch      *branch
	start, stop wal.LSN
	startAt     time.Time
	stopAt      time.Time
	prior       string
	broken      bool
	gone        bool
}

func newWorld(seed uint64) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 44)), now: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC), lsn: 2*wal.LSN(worldSegment) + 40}
	w.branch = &branch{number: 1, promoted: w.now.Add(-time.Hour), next: 2}
	w.branches = map[uint32]*branch{1: w.branch}
	w.repos = 1 + w.random.IntN(3)
	w.live(8 + w.random.IntN(60))
	w.end()
	w.spoil()
	return w
}

// live lets things happen.
func (w *world) live(events int) {
	w.commits(3)
	w.backup()
	for range events {
		switch n := w.random.IntN(100); {
		case n < 50:
			w.commits(1 + w.random.IntN(6))
		case n < 65:
			w.backup()
		case n < 78:
			w.heartbeat()
		case n < 84:
			w.pass(time.Duration(w.random.IntN(600)) * time.Second)
		case n < 89:
			w.failover()
		case n < 93:
			w.restore()
		case n < 96:
			w.outage = w.now.Add(time.Duration(w.random.IntN(900)) * time.Second)
		case n < 97:
			w.copyArchives()
		default:
			w.switchWAL()
		}
	}
}

// end lets something happen just before somebody asks for a plan.
func (w *world) end() {
	switch w.random.IntN(6) {
	case 0, 1:
		w.heartbeat()
	case 2:
		w.copyArchives()
		w.commits(3)
		w.switchWAL()
	case 3:
		w.restore()
	}
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d).Truncate(time.Microsecond) }

func (w *world) commits(n int) {
	for range n {
		w.pass(time.Duration(w.random.Int64N(int64(20 * time.Second))))
		w.commit(w.branch)
	}
}

// commit writes a row: some WAL, and the record of its commit.
func (w *world) commit(b *branch) {
	w.rows++
	w.write(b, wal.LSN(w.random.IntN(400_000)))
	b.commits = append(b.commits, commit{row: w.rows, at: w.now, lsn: w.lsn})
	w.write(b, 60)
}

// write moves the position, and archives the segments that are full.
func (w *world) write(b *branch, bytes wal.LSN) {
	w.lsn += bytes
	w.archiveUpTo(b, worldSegment.Number(w.lsn))
}

func (w *world) archiveUpTo(b *branch, number uint64) {
	for ; b.next < number; b.next++ {
		for repo := 1; repo <= w.repos; repo++ {
			w.files = append(w.files, file{repo: repo, segment: wal.Segment{Timeline: b.number, Number: b.next}, at: w.archivedAt()})
		}
	}
}

// archivedAt is when something that is written now gets into the archive.
func (w *world) archivedAt() time.Time {
	at := w.now.Add(time.Duration(w.random.IntN(1500)) * time.Millisecond)
	if w.outage.After(at) {
		at = w.outage.Add(time.Duration(w.random.IntN(1500)) * time.Millisecond)
	}
	return at
}

func (w *world) switchWAL() { w.switchOn(w.branch) }

func (w *world) switchOn(b *branch) {
	if w.lsn%wal.LSN(worldSegment) <= 40 {
		return
	}
	w.lsn = worldSegment.Start(worldSegment.Number(w.lsn)+1) + 40
	w.archiveUpTo(b, worldSegment.Number(w.lsn))
}

func (w *world) backup() {
	s := &worldSet{repo: 1 + w.random.IntN(w.repos), branch: w.branch, start: w.lsn, startAt: w.now}
	s.label = w.now.Format("20060102-150405") + "F"
	if w.random.IntN(2) == 0 {
		for _, full := range slices.Backward(w.sets) {
			if full.repo == s.repo && full.prior == "" {
				s.prior, s.label = full.label, full.label+"_"+w.now.Format("20060102-150405")+"D"
				break
			}
		}
	}
	w.commits(w.random.IntN(3))
	w.write(w.branch, 200)
	s.stop, s.stopAt = w.lsn, w.now
	w.switchWAL()
	w.pass(time.Second + time.Duration(w.random.IntN(3000))*time.Millisecond)
	w.sets = append(w.sets, s)
}

// heartbeat writes a commit of which the time and the position are known before, and waits
// until it is archived.
func (w *world) heartbeat() {
	k := Known{Time: w.now, Timeline: w.branch.number, LSN: w.lsn, Heartbeat: true}
	w.pass(time.Duration(1+w.random.IntN(2000)) * time.Microsecond)
	if w.random.IntN(4) == 0 {
		w.write(w.branch, wal.LSN(w.random.IntN(60_000)))
	}
	w.rows++
	w.branch.commits = append(w.branch.commits, commit{row: w.rows, at: w.now, lsn: w.lsn})
	w.write(w.branch, 60)
	w.switchWAL()
	for _, f := range w.files {
		if f.segment.Timeline == w.branch.number && f.at.After(w.now) {
			w.now = f.at
		}
	}
	w.pass(time.Millisecond)
	switch w.random.IntN(6) {
	case 0:
		k.LSN = 0
	case 1: // What a drill has recovered: the time of a commit.
		last := w.branch.commits[len(w.branch.commits)-1]
		k.Heartbeat, k.Time, k.LSN = false, last.at, last.lsn+60
	case 2: // What a watch has seen.
		k.Heartbeat, k.Bound = false, true
	case 3: // And one of an older operator.
		k.Heartbeat, k.Bound, k.LSN = false, true, 0
	}
	w.known = append(w.known, k)
}

// failover promotes a standby that has everything. The segment at the end is archived of
// the new timeline only.
func (w *world) failover() {
	w.downs = append(w.downs, w.now)
	w.pass(time.Duration(w.random.IntN(20_000)) * time.Millisecond)
	w.promote(w.branch, w.lsn)
}

// restore restores the database to a moment of the past, and opens it.
func (w *world) restore() {
	at := w.now.Add(-time.Duration(w.random.IntN(1200)) * time.Second)
	line := lineage(w.branch)
	fork := wal.LSN(0)
	for _, c := range line {
		if c.at.After(at) {
			fork = c.lsn
			break
		}
	}
	if fork == 0 || fork < w.sets[0].stop {
		return
	}
	w.switchWAL()
	w.downs = append(w.downs, w.now)
	w.pass(time.Duration(1+w.random.IntN(200)) * time.Second)
	from := w.branch
	for from.parent != nil && from.fork > fork {
		from = from.parent
	}
	w.lsn = fork
	w.promote(from, fork)
}

func (w *world) promote(from *branch, fork wal.LSN) {
	w.branch = w.newBranch(from, fork)
}

func (w *world) newBranch(from *branch, fork wal.LSN) *branch {
	b := &branch{number: uint32(len(w.branches)) + 1, parent: from, fork: fork, promoted: w.now, next: worldSegment.Number(fork)}
	w.branches[b.number] = b
	for repo := 1; repo <= w.repos; repo++ {
		w.histories = append(w.histories, historyFile{repo: repo, number: b.number, at: w.archivedAt()})
	}
	return b
}

// copyArchives lets a copy of the database be opened with archiving on.
func (w *world) copyArchives() {
	lsn, now := w.lsn, w.now
	stray := w.newBranch(w.branch, w.lsn)
	stray.stray = true
	for range 3 {
		w.pass(time.Second)
		w.commit(stray)
	}
	w.switchOn(stray)
	w.lsn, w.now = lsn, now
}

// spoil loses a part of the archive, and of what is known.
func (w *world) spoil() {
	w.pass(time.Duration(w.random.IntN(30)) * time.Second)
	w.files = slices.DeleteFunc(w.files, func(f file) bool { return f.at.After(w.now) })
	w.histories = slices.DeleteFunc(w.histories, func(h historyFile) bool { return h.at.After(w.now) })
	if w.random.IntN(3) > 0 {
		for range w.random.IntN(3) {
			if len(w.files) > 0 {
				w.files[w.random.IntN(len(w.files))].lost = true
			}
		}
	}
	if w.random.IntN(3) == 0 && len(w.files) > 0 {
		w.damage(w.random.IntN(len(w.files)))
	}
	if w.random.IntN(8) == 0 && len(w.histories) > 0 {
		w.histories[w.random.IntN(len(w.histories))].lost = true
	}
	w.ask()
	if w.random.IntN(3) == 0 {
		w.loseTail(1 + uint64(w.random.IntN(3)))
	}
	for repo := 1; repo <= w.repos; repo++ {
		if w.random.IntN(8) == 0 {
			w.copyRepo(repo)
		}
	}
	for _, s := range w.sets {
		s.broken, s.gone = w.random.IntN(20) == 0, w.random.IntN(20) == 0
	}
	// The status has only the newest of each kind.
	if len(w.known) > 1 && w.random.IntN(3) > 0 {
		w.known = w.known[len(w.known)-1:]
	}
	if w.random.IntN(6) == 0 {
		w.known = nil
	}
}

// damage cuts a file short, adds a foreign one beside it, or replaces it by a foreign one.
// The last is known only if another repo has the right one.
func (w *world) damage(i int) {
	f := &w.files[i]
	switch other := w.random.IntN(3); {
	case f.lost:
	case other == 0:
		f.cut = true
	case other == 1:
		twin := *f
		twin.foreign = true
		w.files = slices.Insert(w.files, i+w.random.IntN(2), twin)
	case slices.ContainsFunc(w.files, func(twin file) bool {
		return twin.segment == f.segment && twin.repo != f.repo && !twin.lost && !twin.foreign
	}):
		f.foreign = true
	}
}

// loseTail loses the last segments of the primary in every repo.
func (w *world) loseTail(n uint64) {
	for i, f := range w.files {
		if f.segment.Timeline == w.branch.number && f.segment.Number+n >= w.branch.next {
			w.files[i].lost = true
		}
	}
}

// copyRepo copies a repo, after which all its files are new.
func (w *world) copyRepo(repo int) {
	for i := range w.files {
		if w.files[i].repo == repo {
			w.files[i].at = w.now
		}
	}
	for i := range w.histories {
		if w.histories[i].repo == repo {
			w.histories[i].at = w.now
		}
	}
}

// ask asks the primary what it has archived last: the moments without a position are before
// the end of that.
func (w *world) ask() {
	var last wal.Segment
	for _, f := range w.files {
		if f.segment.Timeline == w.branch.number && f.segment.Number > last.Number {
			last = f.segment
		}
	}
	if last.Number == 0 || w.random.IntN(3) > 0 {
		return
	}
	w.last = worldSegment.Name(last)
	for i, k := range w.known {
		if k.LSN == 0 && k.Timeline == last.Timeline {
			w.known[i].Before = worldSegment.Start(last.Number + 1)
		}
	}
}

// lineage are the commits that are visible at the end of a branch, in the order of WAL.
func lineage(b *branch) []commit {
	if b.parent == nil {
		return b.commits
	}
	var all []commit
	for _, c := range lineage(b.parent) {
		if c.lsn < b.fork {
			all = append(all, c)
		}
	}
	return append(all, b.commits...)
}

// truth are the rows that the primary had at a moment.
func (w *world) truth(at time.Time) []int {
	live := w.liveAt(at)
	if live == nil {
		return nil
	}
	var rows []int
	for _, c := range lineage(live) {
		if !c.at.After(at) {
			rows = append(rows, c.row)
		}
	}
	return rows
}

// liveAt is the timeline of the primary at a moment.
func (w *world) liveAt(at time.Time) *branch {
	var live *branch
	for number := uint32(1); number <= uint32(len(w.branches)); number++ {
		if b := w.branches[number]; !b.stray && !b.promoted.After(at) {
			live = b
		}
	}
	return live
}

// input is what a planner sees.
func (w *world) input() Input {
	in := Input{Info: pgbackrest.Info{Stanza: "db"}, Repos: map[int]Repo{}, SegmentBytes: worldSegment, Known: w.known, LastArchived: w.last}
	for repo := 1; repo <= w.repos; repo++ {
		in.Info.Repos = append(in.Info.Repos, pgbackrest.RepoInfo{Key: repo})
		in.Info.Databases = append(in.Info.Databases, pgbackrest.Database{RepoKey: repo, ID: 1, Version: "17", SystemID: 7})
		in.Info.Archives = append(in.Info.Archives, pgbackrest.Archive{RepoKey: repo, DatabaseID: 1, ID: "17-1"})
		files := wal.Archive{Segments: map[string]wal.File{}, Histories: map[uint32]wal.File{}}
		histories := map[uint32]wal.History{}
		for _, f := range w.files {
			if f.repo != repo || f.lost {
				continue
			}
			name := worldSegment.Name(f.segment)
			listed := wal.File{Size: int64(worldSegment), Time: f.at.Truncate(time.Second), Whole: true, Sum: f.sum()}
			if f.cut {
				listed.Plain, listed.Size = true, listed.Size/2
			}
			if other, ok := files.Segments[name]; ok {
				listed.Whole, listed.Sum = false, other.Sum+" "+listed.Sum
			}
			files.Segments[name] = listed
		}
		for _, h := range w.histories {
			if h.repo == repo && !h.lost {
				files.Histories[h.number] = wal.File{Size: 50, Time: h.at.Truncate(time.Second), Whole: true}
				histories[h.number] = forks(w.branches[h.number])
			}
		}
		in.Repos[repo] = Repo{Archives: wal.Listing{"17-1": files}, Histories: map[string]map[uint32]wal.History{"17-1": histories}}
	}
	for _, s := range w.sets {
		if s.gone {
			continue
		}
		b := pgbackrest.Backup{
			Label: s.label, Prior: s.prior, Error: s.broken, Start: s.startAt.Truncate(time.Second), Stop: s.stopAt.Truncate(time.Second),
			LSNStart: s.start.String(), LSNStop: s.stop.String(), RepoKey: s.repo, DatabaseID: 1, DatabaseBytes: 1 << 30,
			WALStart: worldSegment.Name(worldSegment.Of(s.branch.number, s.start)), WALStop: worldSegment.Name(worldSegment.Of(s.branch.number, s.stop)),
		}
		if s.prior != "" {
			b.Reference = []string{s.prior}
		}
		in.Info.Backups = append(in.Info.Backups, b)
	}
	return in
}

func forks(b *branch) wal.History {
	if b.parent == nil {
		return nil
	}
	return append(forks(b.parent), wal.Fork{Timeline: b.parent.number, At: b.fork})
}

// usable reports whether pgBackRest restores a set to a moment without complaint.
func (w *world) usable(s *worldSet) bool {
	if s.broken || s.gone {
		return false
	}
	for _, other := range w.sets {
		if other.label == s.prior && other.repo == s.repo && other.gone {
			return false
		}
	}
	return true
}

// has reports whether archive-get gives a segment, from one repo or with repo 0 from any. It
// refuses files with different checksums, in whatever repos they are, and takes the first
// one, whose size it does not look at.
func (w *world) has(repo int, segment wal.Segment) bool {
	if w.stored == nil {
		w.stored = map[wal.Segment][]file{}
		for _, f := range w.files {
			if !f.lost {
				w.stored[f.segment] = append(w.stored[f.segment], f)
			}
		}
	}
	var first *file
	for i, f := range w.stored[segment] {
		switch {
		case repo != 0 && f.repo != repo:
		case first == nil:
			first = &w.stored[segment][i]
		case f.foreign != first.foreign:
			return false
		}
	}
	return first != nil && !first.cut && !first.foreign
}

// recovery is how a recovery ended.
type recovery struct {
	rows []int
	// stopped is true if it stopped at the target, consistent if it came that far.
	stopped, consistent bool
	end                 wal.LSN
	last                time.Time
}

func (w *world) hasHistory(repo int, number uint32) bool {
	return slices.ContainsFunc(w.histories, func(h historyFile) bool {
		return !h.lost && h.number == number && (repo == 0 || h.repo == repo)
	})
}

// recover does what PostgreSQL does: it reads segment after segment of the path to a
// timeline, and stops before the first commit after the target, or where a segment is
// missing. Without a target it never stops. If the first segment of a timeline is missing,
// it takes that of the timeline before and follows that one.
func (w *world) recover(s *worldSet, repo int, number uint32, target time.Time) (recovery, error) {
	b := w.branches[number]
	if b == nil {
		return recovery{}, fmt.Errorf("timeline %d does not exist", number)
	}
	ends := append(forks(b), wal.Fork{Timeline: number, At: 1 << 62})
	if repo == 0 && s.branch.number != number && !w.hasHistory(s.repo, number) {
		return recovery{}, fmt.Errorf("pgBackRest does not find the history of timeline %d in the repo of the set", number)
	}
	if number != 1 && !w.hasHistory(repo, number) {
		if s.branch.number != number {
			return recovery{}, fmt.Errorf("timeline %d has no history", number)
		}
		// The word current takes the timeline of the set, without a history.
		ends = ends[len(ends)-1:]
	}
	on := false
	for _, end := range ends {
		on = on || end.Timeline == s.branch.number && s.stop <= end.At
	}
	if !on {
		return recovery{}, fmt.Errorf("timeline %d is not a child of that of the set", number)
	}
	var r recovery
	line := lineage(b)
	for _, c := range line {
		if c.lsn < s.start {
			r.rows, r.last = append(r.rows, c.row), c.at
		}
	}
	for segment := worldSegment.Number(s.start); ; segment++ {
		timeline := number
		for _, end := range ends {
			if segment < worldSegment.Number(end.At) {
				timeline = end.Timeline
				break
			}
		}
		if !w.has(repo, wal.Segment{Timeline: timeline, Number: segment}) {
			astray := slices.IndexFunc(ends, func(end wal.Fork) bool {
				return worldSegment.Number(end.At) == segment && w.has(repo, wal.Segment{Timeline: end.Timeline, Number: segment})
			})
			if astray < 0 {
				r.end = worldSegment.Start(segment)
				break
			}
			number, line = ends[astray].Timeline, lineage(w.branches[ends[astray].Timeline])
			ends = append(slices.Clone(ends[:astray]), wal.Fork{Timeline: number, At: 1 << 62})
		}
		for _, c := range line {
			if c.lsn < s.start || worldSegment.Number(c.lsn) != segment {
				continue
			}
			if !target.IsZero() && c.at.After(target) && c.lsn >= s.stop {
				r.stopped, r.consistent, r.end = true, true, c.lsn
				return r, nil
			}
			r.rows, r.last = append(r.rows, c.row), c.at
		}
	}
	r.consistent = r.end >= s.stop
	if !r.consistent {
		return r, fmt.Errorf("WAL ends before the backup is consistent")
	}
	return r, nil
}

func (w *world) set(label string, repo int) *worldSet {
	for _, s := range w.sets {
		if s.label == label && s.repo == repo {
			return s
		}
	}
	return nil
}
