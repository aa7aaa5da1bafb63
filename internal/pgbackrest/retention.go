// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Retention is what the options repoN-retention-* of a repository ask for. Zero means
// that an option is not set.
type Retention struct {
	// Full is how many fulls are kept or, if ByTime, for how many days.
	Full   int
	ByTime bool
	// Diff is how many diffs are kept; a full counts as one.
	Diff int
	// Archive is for how many backups of ArchiveType all WAL is kept. Empty means full.
	Archive     int
	ArchiveType string
}

// Rules by which a backup is removed.
const (
	ByCount = "repo-retention-full"
	ByAge   = "repo-retention-full-type=time"
	ByDiffs = "repo-retention-diff"
)

// Removal is a backup that expire removes.
type Removal struct {
	Label string
	// With is the full or diff that the rule is about: the backup itself, or one that it
	// builds on.
	With string
	// Rule is ByCount, ByAge or ByDiffs.
	Rule string
}

// KeptWAL is what expire keeps of the archive of one database.
type KeptWAL struct {
	DatabaseID int
	// From is the backup since which all WAL is kept. An older backup keeps only the WAL
	// that makes it consistent, so it can be restored to its own end and to no later
	// moment. Empty means that no WAL is removed.
	From string
}

// Expiry is what expire does to a repository.
type Expiry struct {
	// Removed and Kept, the oldest first.
	Removed []Removal
	Kept    []Backup
	// WAL of each database that has a backup left, by its ID.
	WAL []KeptWAL
}

// Apply returns what expire does to a repository at a moment. It needs of each backup the
// label, by time also Stop, and where there are several databases DatabaseID; without
// Prior it follows the labels. The rules are those of pgBackRest's
// src/command/expire/expire.c in the releases 2.45 to 2.59. By time, the older of them
// remove WAL only together with a full; what stays recoverable is the same.
func (r Retention) Apply(backups []Backup, now time.Time) Expiry {
	left := slices.SortedFunc(slices.Values(backups), func(a, b Backup) int { return strings.Compare(a.Label, b.Label) })
	e := expiring{left: chained(left)}
	archive := r.Archive
	switch {
	case r.Full > 0 && r.ByTime:
		met := e.byAge(now.Add(-time.Duration(r.Full) * 24 * time.Hour))
		if archive == 0 && met && r.archiveType() == TypeFull {
			archive = len(e.of(TypeFull))
		}
	case r.Full > 0:
		e.byCount(r.Full)
	}
	e.byDiffs(r.Diff)
	if archive == 0 {
		archive = r.archiveByDefault()
	}
	return Expiry{Removed: e.removed, Kept: e.left, WAL: e.keptWAL(r.archiveType(), archive)}
}

func (r Retention) archiveType() string {
	if r.ArchiveType == "" {
		return TypeFull
	}
	return r.ArchiveType
}

// archiveByDefault is retention-archive if it is not set, 0 for all WAL. By time it
// depends on what is kept.
func (r Retention) archiveByDefault() int {
	switch {
	case r.archiveType() == TypeFull && !r.ByTime:
		return r.Full
	case r.archiveType() == TypeDiff:
		return r.Diff
	}
	return 0
}

// TypeOf returns the type of the backup with a label, which its last letter says.
func TypeOf(label string) string {
	switch {
	case strings.HasSuffix(label, "D"):
		return TypeDiff
	case strings.HasSuffix(label, "I"):
		return TypeIncr
	}
	return TypeFull
}

// chained sets Prior where it is not known: a diff builds on its full, and an incr on the
// newest backup before it, which has the same full.
func chained(backups []Backup) []Backup {
	chained := slices.Clone(backups)
	for i := range chained {
		b := &chained[i]
		full, _, dependent := strings.Cut(b.Label, "_")
		switch {
		case !dependent, b.Prior != "":
		case TypeOf(b.Label) == TypeDiff || i == 0 || !strings.HasPrefix(chained[i-1].Label, full):
			b.Prior = full
		default:
			b.Prior = chained[i-1].Label
		}
	}
	return chained
}

// expiring is a repository while the rules are applied, the oldest backup first.
type expiring struct {
	left    []Backup
	removed []Removal
}

// of returns the backups of some types that are left.
func (e *expiring) of(types ...string) []Backup {
	return slices.DeleteFunc(slices.Clone(e.left), func(b Backup) bool { return !slices.Contains(types, TypeOf(b.Label)) })
}

// remove removes a backup and all that build on it.
func (e *expiring) remove(label, rule string) {
	gone := map[string]bool{label: true}
	kept := make([]Backup, 0, len(e.left))
	for _, b := range e.left {
		if gone[b.Label] || gone[b.Prior] {
			gone[b.Label] = true
			e.removed = append(e.removed, Removal{Label: b.Label, With: label, Rule: rule})
			continue
		}
		kept = append(kept, b)
	}
	e.left = kept
}

func (e *expiring) byCount(keep int) {
	fulls := e.of(TypeFull)
	for i := range len(fulls) - keep {
		e.remove(fulls[i].Label, ByCount)
	}
}

// byAge keeps the newest full that is older than a moment, and everything after it. It
// reports whether there is such a full: until then nothing expires.
func (e *expiring) byAge(oldest time.Time) bool {
	fulls := e.of(TypeFull)
	for i, full := range slices.Backward(fulls) {
		if !full.Stop.Before(oldest) {
			continue
		}
		for _, b := range fulls[:i] {
			e.remove(b.Label, ByAge)
		}
		return true
	}
	return false
}

// byDiffs counts a full as a diff, and does not remove it.
func (e *expiring) byDiffs(keep int) {
	if keep == 0 {
		return
	}
	diffs := e.of(TypeFull, TypeDiff)
	for i := range len(diffs) - keep {
		if TypeOf(diffs[i].Label) == TypeDiff {
			e.remove(diffs[i].Label, ByDiffs)
		}
	}
}

// keptWAL returns since which backup all WAL is kept, for each database. The number
// counts the backups of all databases together. While there are fewer, no WAL is removed.
func (e *expiring) keptWAL(archiveType string, number int) []KeptWAL {
	types := []string{TypeFull}
	switch archiveType {
	case TypeDiff:
		types = append(types, TypeDiff)
	case TypeIncr:
		types = append(types, TypeDiff, TypeIncr)
	}
	counted := e.of(types...)
	retained := len(counted) - number
	from := map[int]string{}
	for i, b := range counted {
		if number == 0 || retained < 0 {
			from[b.DatabaseID] = ""
			continue
		}
		// The oldest that is retained, or else the newest of the database.
		if at, known := from[b.DatabaseID]; !known || i <= retained || at < counted[retained].Label {
			from[b.DatabaseID] = b.Label
		}
	}
	kept := make([]KeptWAL, 0, len(from))
	for _, id := range slices.Sorted(maps.Keys(from)) {
		kept = append(kept, KeptWAL{DatabaseID: id, From: from[id]})
	}
	return kept
}
