//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

var damages = flag.Int("drills", 4, "How many ways to damage what a drill restores TestDrill tries, in one image; -1 tries all of them in every image, 0 makes no drill.")

// drilledImages are those of the choice: the seed takes turns.
func drilledImages() []string {
	all := strings.Fields(os.Getenv("PGBACKREST_IMAGES"))
	switch {
	case *damages < 0:
		return all
	case *damages == 0 || len(all) == 0:
		return nil
	}
	return all[*seed%uint64(len(all)):][:1]
}

// isTried reports whether the seed has chosen a way to damage, the i-th of so many.
func isTried(i, all int) bool {
	first := int(*seed % uint64(all))
	return *damages < 0 || (i-first+all)%all < *damages
}

// TestDrill makes drills of a real PostgreSQL with a real pgBackRest.
func TestDrill(t *testing.T) {
	for _, image := range drilledImages() {
		t.Run(strings.TrimSuffix(filepath.Base(image), ".tar"), func(t *testing.T) {
			c := newCluster(t, image)
			t.Run("good", c.testGood)
			t.Run("checks", c.testChecks)
			t.Run("moments", c.testMoments)
			t.Run("tampered before the plan", c.testRefused)
			t.Run("tampered after the plan", c.testTampered)
			t.Run("a damaged page", c.testDamagedPage)
			t.Run("no checksums", c.testNoChecksums)
		})
	}
}

var allChecks = []stanzaflowv1alpha1.DrillCheck{stanzaflowv1alpha1.CheckDump, stanzaflowv1alpha1.CheckAmcheck, stanzaflowv1alpha1.CheckChecksums}

// rowCount is a check of the number of rows.
func rowCount(rows string) []stanzaflowv1alpha1.SQLCheck {
	return []stanzaflowv1alpha1.SQLCheck{{Name: "rows", Database: "shop", Query: "SELECT count(*) FROM ledger", Equals: &rows}}
}

// mustPlan plans a drill that is not refused.
func (c *cluster) mustPlan(t *testing.T, a asked) string {
	t.Helper()
	plan, r, exit := c.plan(t, a)
	if exit != 0 {
		t.Fatalf("exit code %d: %s: %s", exit, r.Result, r.Message)
	}
	return plan
}

// mustSucceed makes a drill that succeeds.
func (c *cluster) mustSucceed(t *testing.T, plan string) report.Report {
	t.Helper()
	e := c.restore(t, plan, false)
	if e.exit != 0 || e.report.Result != stanzaflowv1alpha1.RunSucceeded || e.again != "false" {
		t.Fatalf("exit code %d, again %s: %s: %s\n%+v\n%s", e.exit, e.again, e.report.Result, e.report.Message, e.report.Drill, e.log)
	}
	return e.report
}

func checkNames(r report.Report) []string {
	var names []string
	for _, check := range r.Drill.Checks {
		names = append(names, check.Name)
	}
	return names
}

// testGood: the newest commit is there, in a database with everything that makes a restore
// hard: a large max_connections, prepared transactions, a tablespace, a cipher, settings
// that the pod cannot have, and names that are hard to quote.
func (c *cluster) testGood(t *testing.T) {
	rows := c.sql("shop", "SELECT count(*) FROM ledger")
	age := metav1.Duration{Duration: time.Hour}
	sql := append(rowCount(rows),
		stanzaflowv1alpha1.SQLCheck{Name: "fresh", Database: "shop", Query: "SELECT max(at) FROM ledger", MaxAge: &age},
		stanzaflowv1alpha1.SQLCheck{Name: "slots", Database: "empty", Query: "SELECT count(*) FROM pg_replication_slots", Equals: new("0")},
		stanzaflowv1alpha1.SQLCheck{Name: "two", Database: strange, Query: "SELECT 2", Min: new(int64(2))},
	)
	r := c.mustSucceed(t, c.mustPlan(t, asked{checks: allChecks, sql: sql}))
	if diff := cmp.Diff([]string{"Reached", "FirstQuery", "Dump", "Amcheck", "sql/rows", "sql/fresh", "sql/slots", "sql/two", "Checksums"}, checkNames(r)); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	d := r.Drill
	if d.RecoveredTo == nil || d.RecoveredTo.Before(*d.ExpectTime) || d.DatabaseBytes == 0 || d.WALBytes == 0 || d.RPOSeconds == nil || r.Heartbeat == nil {
		t.Errorf("report %+v", d)
	}
	for name, seconds := range map[string]float64{"restore": d.RestoreSeconds, "replay": d.ReplaySeconds, "first query": d.FirstQuerySeconds, "checks": d.ChecksSeconds} {
		if seconds <= 0 {
			t.Errorf("%s took %v seconds", name, seconds)
		}
	}
	if dump := d.Checks[2].Message; !strings.Contains(dump, `"closed"`) {
		t.Errorf("Dump does not say that it has not read the database closed: %q", dump)
	}
	immediate := c.mustSucceed(t, c.mustPlan(t, asked{target: "Immediate"}))
	if immediate.Drill.ExpectTime != nil || immediate.Drill.LSN == "" {
		t.Errorf("report %+v", immediate.Drill)
	}
}

// testMoments: at every moment there are exactly the rows that had been committed by then.
func (c *cluster) testMoments(t *testing.T) {
	for range 3 {
		plan, err := drill.Decode(c.mustPlan(t, asked{target: "Random"}))
		if err != nil {
			t.Fatal(err)
		}
		moment := plan.Report.Drill.Moment.Format("2006-01-02 15:04:05.999999+00")
		plan.Drill.SQL = rowCount(c.sql("shop", "SELECT count(*) FROM ledger WHERE pg_xact_commit_timestamp(xmin) <= '"+moment+"'"))
		text, err := plan.Encode()
		if err != nil {
			t.Fatal(err)
		}
		c.mustSucceed(t, string(text))
		// The same moment can be asked for again.
		again, err := drill.Decode(c.mustPlan(t, asked{target: moment}))
		if err != nil || !again.Report.Drill.Moment.Equal(*plan.Report.Drill.Moment) || again.Report.Drill.Backup != plan.Report.Drill.Backup {
			t.Errorf("%v: %+v, want %+v", err, again.Report.Drill, plan.Report.Drill)
		}
	}
	_, r, exit := c.plan(t, asked{target: time.Now().Add(time.Hour).UTC().Format("2006-01-02 15:04:05+00")})
	if exit != drill.ExitStop || r.Result != stanzaflowv1alpha1.RunFailed {
		t.Errorf("a moment in the future: exit code %d, %+v", exit, r)
	}
}

// testChecks: what a query must not do, and what it says.
func (c *cluster) testChecks(t *testing.T) {
	yes := "t"
	cases := map[string]struct {
		query, want string
		check       stanzaflowv1alpha1.SQLCheck
	}{
		"too few":            {query: "SELECT 12", check: stanzaflowv1alpha1.SQLCheck{Min: new(int64(1000))}, want: "12, must be at least 1000"},
		"another value":      {query: "SELECT 'f'::boolean", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: `"f", must be "t"`},
		"two rows":           {query: "SELECT 't' UNION ALL SELECT 't'", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: "one row of one column"},
		"no row":             {query: "SELECT 't' WHERE false", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: "one row of one column"},
		"two columns":        {query: "SELECT 't', 't'", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: "one row of one column"},
		"too old":            {query: "SELECT '2020-01-01'::timestamptz", check: stanzaflowv1alpha1.SQLCheck{MaxAge: &metav1.Duration{Duration: time.Hour}}, want: "before the moment of the restore"},
		"a write":            {query: "INSERT INTO ledger DEFAULT VALUES RETURNING 't'", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: "ERROR"},
		"a write, by force":  {query: "SET default_transaction_read_only = off; DELETE FROM ledger", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: "ERROR"},
		"a program":          {query: "COPY (SELECT 1) TO PROGRAM 'touch /srv/lock/harm'", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: "ERROR"},
		"a program of psql":  {query: `\! touch /srv/lock/harm`, check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: "syntax error"},
		"the superuser":      {query: "SET ROLE postgres; SELECT 't'", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: "permission denied"},
		"an unknown table":   {query: "SELECT count(*) FROM orders", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}, want: `relation "orders" does not exist`},
		"row level security": {query: "SELECT count(*) > 0 FROM ledger", check: stanzaflowv1alpha1.SQLCheck{Equals: &yes}},
	}
	var sql []stanzaflowv1alpha1.SQLCheck
	for name, tc := range cases {
		tc.check.Name, tc.check.Database, tc.check.Query = name, "shop", tc.query
		sql = append(sql, tc.check)
	}
	e := c.restore(t, c.mustPlan(t, asked{target: "Immediate", checks: []stanzaflowv1alpha1.DrillCheck{}, sql: sql}), true)
	if e.exit != drill.ExitStop || e.report.Result != stanzaflowv1alpha1.RunFailed || e.report.Drill.DataMissing || !strings.HasPrefix(e.report.Message, "sql/") {
		t.Errorf("exit code %d, %s: %s", e.exit, e.report.Result, e.report.Message)
	}
	made := 0
	for _, check := range e.report.Drill.Checks {
		name, found := strings.CutPrefix(check.Name, "sql/")
		if !found {
			continue
		}
		made++
		if want := cases[name].want; check.Passed != (want == "") || !strings.Contains(check.Message, want) {
			t.Errorf("%s: passed %t: %q, want %q", name, check.Passed, check.Message, want)
		}
	}
	if made != len(cases) {
		t.Errorf("%d checks were made, want %d", made, len(cases))
	}
	if _, err := os.Stat(c.path("/srv/lock/harm")); err == nil {
		t.Error("a query has started a program")
	}
}

// testRefused: what is gone before the plan is made is refused, and said to be missing.
func (c *cluster) testRefused(t *testing.T) {
	t.Run("WAL in the middle", func(t *testing.T) {
		c.tamper(t, func(repo string) {
			segments := c.segments(t, repo)
			must(t, os.Remove(segments[len(segments)-6]))
		})
		for _, target := range []string{"Newest", time.Now().UTC().Format("2006-01-02 15:04:05.999999+00")} {
			_, r, exit := c.plan(t, asked{target: target})
			if exit != drill.ExitStop || r.Result != stanzaflowv1alpha1.RunFailed || !r.Drill.DataMissing || !strings.Contains(r.Message, "Gap") {
				t.Errorf("%s: exit code %d, %s: %s, data missing: %t", target, exit, r.Result, r.Message, r.Drill.DataMissing)
			}
		}
	})
	t.Run("all backups", func(t *testing.T) {
		c.tamper(t, func(repo string) { must(t, os.RemoveAll(filepath.Join(repo, "backup"))) })
		_, r, exit := c.plan(t, asked{})
		if exit == 0 || r.Result != stanzaflowv1alpha1.RunFailed {
			t.Errorf("exit code %d, %s: %s", exit, r.Result, r.Message)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testTampered: what is gone or damaged after the plan was made turns the drill red, with
// the class of its cause.
func (c *cluster) testTampered(t *testing.T) {
	// each is for one file of every full backup: the newest incremental one may refer to
	// any of them.
	each := func(repo string, do func(name string)) {
		found, err := filepath.Glob(filepath.Join(repo, "backup/db/2*F/pg_data/base/1/pg_filenode.map.lz4"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no such file: %v", err)
		}
		for _, name := range found {
			do(name)
		}
	}
	flip := func(name string) {
		content, err := os.ReadFile(name)
		must(t, err)
		for i := len(content) / 2; i < len(content)/2+64 && i < len(content); i++ {
			content[i] ^= 0xff
		}
		must(t, os.WriteFile(name, content, 0o640))
	}
	ways := map[string]struct {
		// before comes after the plan, and stays.
		before      func()
		change      func(repo string)
		variables   []string
		parameters  map[string]string
		want        string
		dataMissing bool
		// again: the first drill is not the last one.
		again bool
		// green is what the drill has to note, and succeeds.
		green string
	}{
		"WAL in the middle deleted": {
			change: func(repo string) { s := c.segments(t, repo); must(t, os.Remove(s[len(s)-6])) },
			want:   "the archive must reach", dataMissing: true,
		},
		"the newest WAL deleted": {
			change: func(repo string) {
				s := c.segments(t, repo)
				must(t, os.Remove(s[len(s)-1]))
				must(t, os.Remove(s[len(s)-2]))
			},
			want: "the archive must reach", dataMissing: true,
		},
		"WAL cut": {
			change: func(repo string) { s := c.segments(t, repo); must(t, os.Truncate(s[len(s)-6], 3000)) },
			want:   "the archive must reach", dataMissing: true,
		},
		"WAL replaced by another of the same size": {
			change: func(repo string) {
				s := c.segments(t, repo)
				content, err := os.ReadFile(s[len(s)-8])
				must(t, err)
				must(t, os.WriteFile(s[len(s)-6], content, 0o640))
			},
			want: "the archive must reach", dataMissing: true,
		},
		"a file of the backup changed": {
			change: func(repo string) { each(repo, flip) },
			want:   "is damaged, or the pass phrase is another one",
		},
		"a file of the backup deleted": {
			change: func(repo string) { each(repo, func(name string) { must(t, os.Remove(name)) }) },
			want:   "is missing in repo1",
		},
		"the manifest damaged": {
			change: func(repo string) {
				for _, name := range []string{"backup.manifest", "backup.manifest.copy"} {
					found, _ := filepath.Glob(filepath.Join(repo, "backup/db/2*/"+name))
					for _, manifest := range found {
						flip(manifest)
					}
				}
			},
			want: "is damaged, or the pass phrase is another one",
		},
		"expired meanwhile": {
			before: func() { c.backup("full") },
			change: func(string) {
				c.run(t, c.environ, "pgbackrest", "--stanza=db", "--repo=1", "--repo1-retention-full=1", "expire")
			},
			want: "has expired since the drill was planned", again: true,
		},
		"another pass phrase": {
			change:    func(string) {},
			variables: []string{"PGBACKREST_REPO1_CIPHER_PASS=another"},
			want:      "pass phrase",
		},
		"no store": {
			change:    func(string) {},
			variables: []string{"PGBACKREST_REPO1_TYPE=s3", "PGBACKREST_REPO1_S3_BUCKET=b", "PGBACKREST_REPO1_S3_ENDPOINT=127.0.0.1", "PGBACKREST_REPO1_STORAGE_PORT=1", "PGBACKREST_REPO1_S3_REGION=r", "PGBACKREST_REPO1_S3_KEY=k", "PGBACKREST_REPO1_S3_KEY_SECRET=s", "PGBACKREST_IO_TIMEOUT=1"},
			want:      "repo1 could not be read", again: true,
		},
		"a library is missing": {
			change:     func(string) {},
			parameters: map[string]string{"shared_preload_libraries": "pg_stat_statements,nowhere"},
			green:      "without the libraries nowhere",
		},
		"a parameter that a drill sets": {
			change:     func(string) {},
			parameters: map[string]string{"archive_mode": "on"},
			want:       "restorePod.parameters has archive_mode",
		},
	}
	for i, name := range slices.Sorted(maps.Keys(ways)) {
		if !isTried(i, len(ways)) {
			continue
		}
		tc := ways[name]
		t.Run(name, func(t *testing.T) {
			if tc.dataMissing {
				c.rows(8) // The WAL that is damaged comes after the newest backup.
			}
			plan := c.mustPlan(t, asked{parameters: tc.parameters})
			if tc.before != nil {
				tc.before()
			}
			c.tamper(t, tc.change)
			if tc.want == "" {
				r := c.mustSucceed(t, plan)
				if got := r.Drill.Checks[0].Message; !strings.Contains(got, tc.green) {
					t.Errorf("Reached says %q, want %q", got, tc.green)
				}
				return
			}
			if tc.again {
				e := c.restore(t, plan, false, tc.variables...)
				if e.exit != 0 || e.again != "true" || e.report.Result != stanzaflowv1alpha1.RunUnknown || !strings.Contains(e.report.Message, tc.want) {
					t.Errorf("exit code %d, again %s, %s: %s; want %q\n%s", e.exit, e.again, e.report.Result, e.report.Message, tc.want, e.log)
				}
			}
			e := c.restore(t, plan, true, tc.variables...)
			if e.exit != drill.ExitStop || e.again != "false" || e.report.Result != stanzaflowv1alpha1.RunFailed || !strings.Contains(e.report.Message, tc.want) {
				t.Errorf("exit code %d, again %s, %s: %s; want %q\n%s", e.exit, e.again, e.report.Result, e.report.Message, tc.want, e.log)
			}
			if e.report.Drill.DataMissing != tc.dataMissing {
				t.Errorf("data missing is %t: %s", e.report.Drill.DataMissing, e.report.Message)
			}
			t.Logf("%s", e.report.Message)
		})
	}
	c.mustSucceed(t, c.mustPlan(t, asked{}))
}

// testDamagedPage: settings of production that pass over a damaged page do not make a drill
// green. pgBackRest has not read the checksums of this backup, so only the drill can find it.
func (c *cluster) testDamagedPage(t *testing.T) {
	for _, statement := range []string{
		"ALTER SYSTEM SET zero_damaged_pages = on", "ALTER SYSTEM SET ignore_checksum_failure = on",
		"ALTER ROLE postgres SET zero_damaged_pages = on", "ALTER ROLE postgres SET ignore_checksum_failure = on",
		"ALTER DATABASE shop SET zero_damaged_pages = on", "ALTER DATABASE shop SET ignore_checksum_failure = on",
	} {
		c.sql("postgres", statement)
	}
	c.sql("shop", "CREATE TABLE damaged AS SELECT i, repeat('x', 100) AS text FROM generate_series(1, 1000) AS i")
	c.sql("shop", "VACUUM (FREEZE) damaged") // Reading it writes it no more.
	c.sql("shop", "CHECKPOINT")
	file, err := os.OpenFile(c.path(cpo.PGDataPath+"/"+c.sql("shop", "SELECT pg_relation_filepath('damaged')")), os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteAt([]byte("damaged"), 8192+8000) // A row of the second page.
	must(t, err)
	must(t, file.Close())
	c.backup("full", "--no-checksum-page")
	c.sql("shop", "DROP TABLE damaged")
	plan := c.mustPlan(t, asked{
		target: "Immediate", checks: allChecks[:2],
		sql: []stanzaflowv1alpha1.SQLCheck{{Name: "damaged", Database: "shop", Query: "SELECT count(*) FROM damaged", Min: new(int64(1))}},
	})
	e := c.restore(t, plan, true)
	if e.exit != drill.ExitStop || e.report.Result != stanzaflowv1alpha1.RunFailed || e.report.Drill.DataMissing {
		t.Errorf("exit code %d, %s: %s\n%s", e.exit, e.report.Result, e.report.Message, e.log)
	}
	if diff := cmp.Diff([]string{"Reached", "FirstQuery", "Dump", "Amcheck", "sql/damaged"}, checkNames(e.report)); diff != "" {
		t.Fatalf("checks (-want +got):\n%s", diff)
	}
	for _, check := range e.report.Drill.Checks[2:] {
		if check.Passed || !strings.Contains(check.Message, "of relation base/") {
			t.Errorf("%s: passed %t: %q", check.Name, check.Passed, check.Message)
		}
	}
}

// testNoChecksums comes last: it takes the checksums out of the primary.
func (c *cluster) testNoChecksums(t *testing.T) {
	c.run(t, c.environ, "pg_ctl", "stop", "-w", "-m", "fast", "-D", cpo.PGDataPath)
	c.run(t, c.environ, "pg_checksums", "--disable", "-D", cpo.PGDataPath)
	c.sql0(t)
	c.backup("full")
	e := c.restore(t, c.mustPlan(t, asked{target: "Immediate", checks: allChecks}), true)
	if e.exit != drill.ExitStop || !strings.Contains(e.report.Message, "the cluster has no data checksums") {
		t.Errorf("exit code %d, %s: %s\n%s", e.exit, e.report.Result, e.report.Message, e.log)
	}
}

// sql0 starts the primary again, with what ALTER SYSTEM has left.
func (c *cluster) sql0(t *testing.T) {
	t.Helper()
	must(t, os.WriteFile(c.path(cpo.PGDataPath+"/postgresql.auto.conf"), nil, 0o600))
	c.run(t, c.environ, "pg_ctl", "start", "-w", "-D", cpo.PGDataPath, "-l", "/srv/lock/postgresql.log")
}
