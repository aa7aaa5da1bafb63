// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// namesShown is how many clusters a summary names of each sort.
const namesShown = 5

// summary is the report in one line, for people who look at the run in Argo.
func summary(found report.Watch) string {
	if len(found.Clusters) == 0 {
		return "no cluster to ask: no postgresql of the namespace has a repo and is managed"
	}
	var archive, fail, off, silent, repos, empty []string
	for _, name := range slices.Sorted(maps.Keys(found.Clusters)) {
		sample := found.Clusters[name]
		switch {
		case sample.WAL == nil:
			silent = append(silent, name)
			continue
		case sample.WAL.ArchivingOff:
			off = append(off, name)
		case failing(*sample.WAL):
			fail = append(fail, name)
		default:
			archive = append(archive, name)
		}
		listed := slices.Collect(maps.Values(sample.Repos))
		switch {
		case sample.Message != "", slices.ContainsFunc(listed, func(r report.RepoSample) bool { return r.Unread }):
			repos = append(repos, name)
		case slices.ContainsFunc(listed, func(r report.RepoSample) bool { return r.Message != "" }):
			empty = append(empty, name)
		}
	}
	var parts []string
	if len(archive) > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", len(archive), plural(len(archive), "archives", "archive")))
	}
	for _, sort := range []struct {
		names     []string
		one, more string
	}{
		{fail, "fails", "fail"},
		{off, "does not archive", "do not archive"},
		{silent, "not reached", "not reached"},
	} {
		if len(sort.names) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s (%s)", len(sort.names), plural(len(sort.names), sort.one, sort.more), some(sort.names)))
		}
	}
	text := fmt.Sprintf("%d %s: %s", len(found.Clusters), plural(len(found.Clusters), "cluster", "clusters"), strings.Join(parts, ", "))
	if len(repos) > 0 {
		text += fmt.Sprintf("; repos of %d cannot be read (%s)", len(repos), some(repos))
	}
	if len(empty) > 0 {
		text += fmt.Sprintf("; repos of %d have no backup (%s)", len(empty), some(empty))
	}
	return report.OneLine(text)
}

// failing reports whether the newest attempt to archive failed.
func failing(wal report.WAL) bool {
	return wal.LastFailedTime != nil && (wal.LastArchivedTime == nil || wal.LastFailedTime.After(*wal.LastArchivedTime))
}

func plural(count int, one, more string) string {
	if count == 1 {
		return one
	}
	return more
}

func some(names []string) string {
	if len(names) <= namesShown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:namesShown], ", "), len(names)-namesShown)
}
