// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
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
	if !pgbackrest.IsLabel(b.Label) {
		return set{}, "has a label that pgBackRest does not write: somebody else has written into the repo"
	}
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
				made.add(number, read.Archives[listed.ID], read.Histories[listed.ID])
			}
		}
	}
	made.known, made.last = p.known(of, pgbackrest.AllRepos), p.last(of)
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

// known are the known moments of a system, of a repo or of all.
func (p *planner) known(of system, repo int) []Known {
	from, to := p.span(of)
	return slices.DeleteFunc(slices.Clone(p.in.Known), func(k Known) bool {
		return repo != pgbackrest.AllRepos && k.Repo != 0 && k.Repo != repo || k.Time.IsZero() ||
			k.Time.Before(from) || !to.IsZero() && !k.Time.Before(to)
	})
}

// span is the time of a system: from the start of its oldest set, before which nothing of
// it matters, to that of the next system, zero without one. What is known names no system.
func (p *planner) span(of system) (from, to time.Time) {
	begun := map[system]time.Time{}
	for _, s := range p.sets {
		if first, ok := begun[s.system]; !ok || s.Start.Before(first) {
			begun[s.system] = s.Start
		}
	}
	from = begun[of]
	for _, other := range begun {
		if other.After(from) && (to.IsZero() || other.Before(to)) {
			to = other
		}
	}
	return from, to
}

// last is the segment that the primary has archived last, nil if that is unknown or of
// another system: the primary is of the newest database of a repo.
func (p *planner) last(of system) *wal.Segment {
	segment, err := p.size.Parse(p.in.LastArchived)
	if err != nil {
		return nil
	}
	var newest pgbackrest.Database
	for _, d := range p.in.Info.Databases {
		if d.RepoKey == p.repos[0] && d.ID > newest.ID {
			newest = d
		}
	}
	if newest.Version != of.version || newest.SystemID != of.id {
		return nil
	}
	return &segment
}
