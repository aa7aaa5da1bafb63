// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// system is a database, the same in every repo whatever ID it has there.
type system struct {
	version string
	id      uint64
}

// set is a backup that can be restored.
type set struct {
	pgbackrest.Backup

	system   system
	major    int
	timeline uint32
	// start and stop are the positions between which recovery needs all WAL, at least.
	start, stop wal.LSN
}

// earliest is the first moment to which the set can be restored: pgBackRest compares whole
// seconds, and the set ends within one.
func (s set) earliest() time.Time { return s.Stop.Add(time.Second) }

// planner is an Input, prepared.
type planner struct {
	in   Input
	size wal.Size
	// repos that can be read, in their order.
	repos []int
	// sets that can be restored, the newest first, and why the others cannot, by label.
	sets   []set
	broken map[string]broken
	// problems of repos that cannot be read.
	problems []string
	// major version that opens the database.
	major int
	// archives by system and repo, made when they are asked for. Repo 0 is all of them.
	archives map[archiveKey]*archive
}

// broken is a backup that cannot be restored.
type broken struct {
	why  string
	stop time.Time
}

type archiveKey struct {
	system system
	repo   int
}

func newPlanner(in Input) (*planner, *Refusal) {
	p := &planner{in: in, size: in.SegmentBytes, broken: map[string]broken{}, archives: map[archiveKey]*archive{}}
	if refusal := p.readRepos(); refusal != nil {
		return nil, refusal
	}
	if !p.size.Valid() {
		p.size = sizeOf(in.Info)
	}
	p.readSets()
	p.major = in.Major
	if p.major == 0 && len(p.sets) > 0 {
		p.major = p.sets[0].major
	}
	return p, nil
}

// sizeOf takes wal_segment_size from the positions of the backups.
func sizeOf(info pgbackrest.Info) wal.Size {
	var pairs []wal.Pair
	for _, b := range info.Backups {
		pairs = append(pairs, wal.Pair{LSN: b.LSNStart, Name: b.WALStart})
	}
	if size, ok := wal.SizeOf(pairs); ok {
		return size
	}
	return wal.DefaultSize
}

// readRepos keeps the repos that can be read.
func (p *planner) readRepos() *Refusal {
	asked := 0
	for _, repo := range p.in.Info.Repos {
		if p.in.OnlyRepo != 0 && repo.Key != p.in.OnlyRepo {
			continue
		}
		asked++
		switch read, ok := p.in.Repos[repo.Key]; {
		case repo.Status.Code != pgbackrest.StatusOK && !repo.Status.Empty():
			p.problems = append(p.problems, fmt.Sprintf("repo%d: %s", repo.Key, repo.Status.Message))
		case read.Problem != "":
			p.problems = append(p.problems, fmt.Sprintf("repo%d: %s", repo.Key, read.Problem))
		case !ok && !repo.Status.Empty():
			p.problems = append(p.problems, fmt.Sprintf("repo%d: its archive was not listed", repo.Key))
		default:
			p.repos = append(p.repos, repo.Key)
		}
	}
	switch {
	case asked == 0 && p.in.OnlyRepo != 0:
		return refuse(NoRepo, fmt.Sprintf("pgBackRest is not configured for repo%d; it has %s", p.in.OnlyRepo, repoNames(p.in.Info)))
	case asked == 0:
		return refuse(NoRepo, "pgBackRest is not configured for any repo: look at the ConfigMap that the pod mounts at /etc/pgbackrest/conf.d")
	case len(p.repos) == 0:
		return refuse(Unreadable, "no repo can be read: "+strings.Join(p.problems, "; ")+"; repair the way to the store, or name another repo")
	}
	return nil
}

func repoName(number int) string { return fmt.Sprintf("repo%d", number) }

func repoNames(info pgbackrest.Info) string {
	names := make([]string, 0, len(info.Repos))
	for _, repo := range info.Repos {
		names = append(names, repoName(repo.Key))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// readSets keeps the backups that can be restored.
func (p *planner) readSets() {
	for _, b := range p.in.Info.Backups {
		if !slices.Contains(p.repos, b.RepoKey) {
			continue
		}
		if s, why := p.readSet(b); why != "" {
			p.broken[b.Label] = broken{fmt.Sprintf("backup %s in repo%d %s", b.Label, b.RepoKey, why), b.Stop}
		} else {
			p.sets = append(p.sets, s)
		}
	}
	slices.SortStableFunc(p.sets, func(a, b set) int {
		if order := b.Stop.Compare(a.Stop); order != 0 {
			return order
		}
		if order := strings.Compare(b.Label, a.Label); order != 0 {
			return order
		}
		return a.RepoKey - b.RepoKey
	})
}

// readSet reads a backup, or says why it cannot be restored.
func (p *planner) readSet(b pgbackrest.Backup) (set, string) {
	database, ok := p.in.Info.Database(b.RepoKey, b.DatabaseID)
	if !ok {
		return set{}, "is of a database that the repo does not list"
	}
	if b.Error {
		return set{}, "has pages with a wrong checksum"
	}
	for _, label := range b.Files() {
		if _, ok := p.in.Info.Backup(b.RepoKey, label); !ok {
			return set{}, "needs files of backup " + label + ", which is not there"
		}
	}
	segment, err := p.size.Parse(b.WALStart)
	if err != nil {
		return set{}, "has no readable WAL start: " + err.Error()
	}
	start, startErr := wal.ParseLSN(b.LSNStart)
	stop, stopErr := wal.ParseLSN(b.LSNStop)
	if startErr != nil || stopErr != nil || stop < start || b.Stop.IsZero() {
		return set{}, "has no readable positions of its start and stop"
	}
	return set{
		Backup: b, system: system{version: database.Version, id: database.SystemID}, major: database.Major(),
		timeline: segment.Timeline, start: start, stop: stop,
	}, ""
}

// systemsOf returns the databases of some sets, that of the first set first.
func systemsOf(sets []set) []system {
	var systems []system
	for _, s := range sets {
		if !slices.Contains(systems, s.system) {
			systems = append(systems, s.system)
		}
	}
	return systems
}

// archive returns the WAL of a system in one repo, or with AllRepos in all that can be read.
func (p *planner) archive(of system, repo int) *archive {
	key := archiveKey{of, repo}
	if have, ok := p.archives[key]; ok {
		return have
	}
	made := newArchive(p.size)
	for _, number := range p.repos {
		if repo != pgbackrest.AllRepos && number != repo {
			continue
		}
		for _, d := range p.in.Info.Databases {
			if d.RepoKey != number || d.Version != of.version || d.SystemID != of.id {
				continue
			}
			if listed, ok := p.in.Info.Archive(number, d.ID); ok {
				read := p.in.Repos[number]
				made.add(read.Archives[listed.ID], read.Histories[listed.ID])
			}
		}
	}
	for _, s := range p.sets {
		if s.system == of {
			made.see(s.timeline, s.Start.Add(time.Second))
			made.sets = append(made.sets, s)
		}
	}
	made.finish()
	p.archives[key] = made
	return made
}

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
