// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	earlier, later := runtest.Start, runtest.Start.Add(time.Minute)
	archives := report.Sample{WAL: &report.WAL{LastArchivedTime: &later, LastFailedTime: &earlier}}
	fails := report.Sample{WAL: &report.WAL{LastArchivedTime: &earlier, LastFailedTime: &later}}
	never := report.Sample{WAL: &report.WAL{LastFailedTime: &later}}
	off := report.Sample{WAL: &report.WAL{ArchivingOff: true, LastFailedTime: &later}}
	silent := report.Sample{Message: "no pod"}
	noRepo := report.Sample{WAL: &report.WAL{}, Message: "pgbackrest info failed"}
	badRepo := report.Sample{WAL: &report.WAL{}, Repos: map[string]report.RepoSample{"repo1": {Message: "cannot use repo1", Unread: true}}}
	empty := report.Sample{WAL: &report.WAL{}, Repos: map[string]report.RepoSample{"repo1": {Message: "missing stanza path"}}}
	many := map[string]report.Sample{}
	for i := range 7 {
		many[fmt.Sprintf("db-%d", i)] = silent
	}
	for want, clusters := range map[string]map[string]report.Sample{
		"no cluster to ask: no postgresql of the namespace has a repo and is managed": {},
		"1 cluster: 1 archives": {"a": archives},
		"6 clusters: 1 archives, 2 fail (b, c), 1 does not archive (d), 2 not reached (e, f)": {
			"a": archives, "b": fails, "c": never, "d": off, "e": silent, "f": silent,
		},
		"3 clusters: 3 archive; repos of 2 cannot be read (b, c)":                             {"a": archives, "b": noRepo, "c": badRepo},
		"3 clusters: 3 archive; repos of 1 cannot be read (b); repos of 1 have no backup (c)": {"a": archives, "b": badRepo, "c": empty},
		"7 clusters: 7 not reached (db-0, db-1, db-2, db-3, db-4 and 2 more)":                 many,
	} {
		if got := summary(report.Watch{Clusters: clusters}); got != want {
			t.Errorf("summary %q\nwant    %q", got, want)
		}
	}
}

// TestOldestBackup: one counts only if all whose files it needs are whole.
func TestOldestBackup(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return runtest.Start.AddDate(0, 0, n) }
	backup := func(label string, n int, damaged bool, reference ...string) pgbackrest.Backup {
		return pgbackrest.Backup{Label: label, Type: pgbackrest.TypeFull, RepoKey: 1, Start: day(n), Stop: day(n), Error: damaged, Reference: reference}
	}
	other := backup("z", 0, false)
	other.RepoKey = 2
	got := repoOf(pgbackrest.Info{Backups: []pgbackrest.Backup{
		other, backup("a", 1, true), backup("b", 2, false, "a"), backup("c", 3, false), backup("d", 4, false, "c"),
	}}, 1)
	if got.Oldest == nil || !got.Oldest.Equal(day(3)) {
		t.Errorf("oldest %v, want that of c", got.Oldest)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, got.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if got.Newest[0].Label != "d" || len(got.Newest) != 4 {
		t.Errorf("newest %v", got.Newest)
	}
}

// TestArchiveOfTheCurrentDatabase: that of an older version of PostgreSQL does not count.
func TestArchiveOfTheCurrentDatabase(t *testing.T) {
	t.Parallel()
	info := pgbackrest.Info{
		Databases: []pgbackrest.Database{{RepoKey: 1, ID: 1}, {RepoKey: 1, ID: 2}, {RepoKey: 2, ID: 3}},
		Archives: []pgbackrest.Archive{
			{RepoKey: 1, DatabaseID: 1, Min: "old", Max: "old"}, {RepoKey: 1, DatabaseID: 2, Min: "first", Max: "last"}, {RepoKey: 2, DatabaseID: 3, Min: "x", Max: "x"},
		},
	}
	if got := repoOf(info, 1); got.ArchiveMin != "first" || got.ArchiveMax != "last" {
		t.Errorf("archive from %q to %q", got.ArchiveMin, got.ArchiveMax)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		info pgbackrest.Info
		want *int
	}{
		"no backup":                   {pgbackrest.Info{RunningBytes: 10, RunningDone: 5}, nil},
		"a version that does not say": {pgbackrest.Info{Running: true}, nil},
		"half":                        {pgbackrest.Info{Running: true, RunningBytes: 10, RunningDone: 5}, new(50)},
		"more than all":               {pgbackrest.Info{Running: true, RunningBytes: 10, RunningDone: 15}, new(100)},
	} {
		if diff := cmp.Diff(test.want, progressOf(test.info)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
