// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// CreateAccounts creates a table with some rows.
func (k *Kit) CreateAccounts(t testing.TB) {
	t.Helper()
	k.PSQL(t, Primary, `CREATE TABLE account (id int PRIMARY KEY, owner text, balance numeric);
INSERT INTO account SELECT i, 'owner ' || i, i * 1.5 FROM generate_series(1, 20000) i`)
}

// Checksums maps every table of a user, in every database, to a digest of its rows
// and to their number.
func (k *Kit) Checksums(t testing.TB, pod string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	databases := k.PSQL(t, pod, "SELECT datname FROM pg_database WHERE datallowconn AND datname NOT LIKE 'template%' ORDER BY 1")
	for database := range strings.FieldsSeq(databases) {
		tables := k.PSQLIn(t, pod, database, `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
		for table := range strings.FieldsSeq(tables) {
			// Neither of the two depends on the order of the rows.
			sums[database+" "+table] = k.PSQLIn(t, pod, database, fmt.Sprintf(
				"SELECT count(*) || ' rows, ' || coalesce(sum(hashtextextended(r::text, 1)::numeric), 0) || ' ' || coalesce(bit_xor(hashtextextended(r::text, 2)), 0) FROM %s r", table))
		}
	}
	if len(sums) == 0 {
		t.Fatalf("there is no table to compare in %s", pod)
	}
	return sums
}

// CheckSameData fails the test for every table that differs.
func CheckSameData(t testing.TB, want, got map[string]string) {
	t.Helper()
	for _, table := range slices.Sorted(maps.Keys(want)) {
		if got[table] != want[table] {
			t.Errorf("table %s: restored %q, was %q", table, got[table], want[table])
		}
	}
	for _, table := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[table]; !ok {
			t.Errorf("table %s is restored and never existed", table)
		}
	}
}

// AwaitArchived waits until everything that was written is in the archive of every
// repo.
func (k *Kit) AwaitArchived(t testing.TB) {
	t.Helper()
	// PostgreSQL does not switch a segment that nobody has written to.
	k.PSQL(t, Primary, "SELECT pg_create_restore_point('archived')")
	segment := k.PSQL(t, Primary, "SELECT pg_walfile_name(pg_switch_wal())")
	wait.Until(t, 4*time.Minute, "WAL segment "+segment+" is archived", func() (bool, string) {
		last := k.PSQL(t, Primary, "SELECT last_archived_wal FROM pg_stat_archiver")
		return last >= segment, fmt.Sprintf("%s, %+v", last, k.Archiver(t))
	})
}

// Archiver is what PostgreSQL counts of its archive_command.
type Archiver struct {
	// Archived is how many segments were archived.
	Archived int
	// LastFailed is when archiving last failed, empty if never.
	LastFailed string
}

// Archiver reads what PostgreSQL counts.
func (k *Kit) Archiver(t testing.TB) Archiver {
	t.Helper()
	archived, lastFailed, _ := strings.Cut(k.PSQL(t, Primary, "SELECT archived_count, last_failed_time FROM pg_stat_archiver"), "|")
	count, err := strconv.Atoi(archived)
	if err != nil {
		t.Fatal(err)
	}
	return Archiver{Archived: count, LastFailed: lastFailed}
}
