// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// image is a folder with programs that answer as those of an image do.
type image struct {
	t    *testing.T
	dir  string
	plan Plan
	last bool
}

// scripts are a pgBackRest and a PostgreSQL with which everything is good. DATA is pg1-path,
// BIN the folder of the programs.
var scripts = map[string]string{
	"pgbackrest": `case "$1" in
version) echo "pgBackRest 2.55.1";;
info) echo '[{"name":"db","backup":[{"label":"20261122-153309F","database":{"id":1,"repo-key":1}}],"repo":[{"key":1,"status":{"code":0}}],"status":{"code":0}}]';;
restore) echo 17 > DATA/PG_VERSION;;
esac`,
	"pg_controldata": `echo "Database system identifier: 7312
max_prepared_xacts setting: 0
max_locks_per_xact setting: 64
Bytes per WAL segment: 16777216
Data page checksum version: 1"`,
	"postgres": `if [ "$1" = --version ]; then echo "postgres (PostgreSQL) 17.2"; exit 0; fi
echo "LOG:  redo starts at 0/9000028" >&2
trap 'exit 0' INT
touch BIN/up
while :; do sleep 0.02; done`,
	"psql": `test -e BIN/up || exit 2
for last; do :; done
case "$last" in
*pg_is_in_recovery*) printf '{"inRecovery":false,"time":"2026-11-28T05:12:11.204999Z","lsn":"0/A000100","databaseBytes":42}\0';;
*datallowconn*) printf '[{"name":"shop","connectable":true},{"name":"closed","connectable":false}]\0';;
*pg_prepared_xacts*) printf '[]\0';;
*orders*) printf '12\0';;
*) printf '1\0';;
esac`,
	"pg_dump":      `echo "CREATE TABLE"`,
	"pg_dumpall":   `echo "CREATE ROLE"`,
	"pg_amcheck":   `case "$PGOPTIONS" in "-c zero_damaged_pages=off -c ignore_checksum_failure=off "*) ;; *) exit 1;; esac`,
	"pg_checksums": `exit 0`,
}

// newImage makes the programs, some of them replaced.
func newImage(t *testing.T, replaced map[string]string) *image {
	t.Helper()
	i := &image{t: t, dir: t.TempDir(), plan: newest()}
	i.plan.Config.DataPath = i.path("volume/pgroot/data")
	i.plan.Drill.Checks = []stanzaflowv1alpha1.DrillCheck{stanzaflowv1alpha1.CheckDump, stanzaflowv1alpha1.CheckAmcheck, stanzaflowv1alpha1.CheckChecksums}
	i.plan.Drill.SQL = []stanzaflowv1alpha1.SQLCheck{{Name: "orders", Database: "shop", Query: "SELECT count(*) FROM orders", Min: new(int64(10))}}
	i.plan.Made = time.Now()
	i.plan.Deadline = time.Now().Add(time.Hour)
	for _, dir := range []string{"bin", "out", "volume"} {
		if err := os.Mkdir(i.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range scripts {
		if other, ok := replaced[name]; ok {
			script = other
		}
		if script == "" {
			continue // The image does not have it.
		}
		script = strings.NewReplacer("DATA", i.plan.Config.DataPath, "BIN", i.path("bin")).Replace(script)
		if err := os.WriteFile(i.path("bin/"+name), []byte("#!/bin/bash\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

func (i *image) path(name string) string { return filepath.Join(i.dir, name) }

// run makes a drill, and returns its exit code, its report and what it says of again.
func (i *image) run(ctx context.Context) (int, report.Report, string) {
	i.t.Helper()
	text, err := i.plan.Encode()
	if err != nil {
		i.t.Fatal(err)
	}
	return i.runText(ctx, string(text))
}

func (i *image) runText(ctx context.Context, plan string) (int, report.Report, string) {
	i.t.Helper()
	var log bytes.Buffer
	exit := Run(ctx, Env{Clock: clock.RealClock{}, Log: &log, Environ: []string{"PATH=" + i.path("bin") + ":/usr/bin:/bin", "PGHOST=elsewhere"}}, Options{
		Plan: plan, Mount: i.path("volume"), Socket: i.path("out/socket"), Outputs: Outputs(i.path("out")), Last: i.last,
		Poll: time.Millisecond, TerminationLog: i.path("out/termination"),
	})
	if _, err := os.Stat(i.plan.Config.DataPath); !os.IsNotExist(err) {
		i.t.Errorf("the restored database is still there: %v", err)
	}
	r, err := report.Decode(i.read(FileReport))
	if err != nil {
		i.t.Fatalf("%v\n%s", err, log.String())
	}
	if exit != 0 {
		if got, want := i.read("termination"), string(r.Result)+": "+r.Message; got != want {
			i.t.Errorf("termination message %q, want %q", got, want)
		}
	}
	return exit, r, i.read(FileAgain)
}

func (i *image) read(name string) string {
	i.t.Helper()
	content, err := os.ReadFile(i.path("out/" + name))
	if err != nil {
		i.t.Fatal(err)
	}
	return string(content)
}

func TestDrillSucceeds(t *testing.T) {
	t.Parallel()
	i := newImage(t, nil)
	exit, r, again := i.run(t.Context())
	if exit != 0 || r.Result != stanzaflowv1alpha1.RunSucceeded || r.Message != "" || again != "false" {
		t.Fatalf("exit code %d, again %s, %s: %s", exit, again, r.Result, r.Message)
	}
	var names []string
	for _, c := range r.Drill.Checks {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"Reached", "FirstQuery", "Dump", "Amcheck", "sql/orders", "Checksums"}, names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if d := r.Drill; d.LSN != "0/A000100" || d.DatabaseBytes != 42 || d.WALBytes != 0xA000100-0x9000028 || d.RestoreSeconds <= 0 || d.ReplaySeconds <= 0 || d.FirstQuerySeconds <= 0 {
		t.Errorf("report %+v", d)
	}
	if got := i.read("result"); got != "Succeeded" {
		t.Errorf("output result is %q", got)
	}
}

func TestDrillFails(t *testing.T) {
	t.Parallel()
	restore := func(end string) map[string]string {
		return map[string]string{"pgbackrest": strings.Replace(scripts["pgbackrest"], "restore) echo 17 > DATA/PG_VERSION;;", "restore) "+end+";;", 1)}
	}
	psql := func(old, replaced string) map[string]string {
		return map[string]string{"psql": strings.Replace(scripts["psql"], old, replaced, 1)}
	}
	const never = `if [ "$1" = --version ]; then echo "postgres (PostgreSQL) 17.2"; exit 0; fi; `
	for name, tc := range map[string]struct {
		replaced map[string]string
		change   func(*Plan)
		want     string
		missing  bool
		// again: another plan may help.
		again bool
		exit  int
	}{
		"no pgBackRest":         {replaced: map[string]string{"pgbackrest": ""}, want: "the image has no pgBackRest"},
		"restore fails":         {replaced: restore("echo 'P00  ERROR: [029]: block map' >&2; exit 29"), want: "is damaged"},
		"no store":              {replaced: restore("echo 'P00  ERROR: [049]: unable to connect' >&2; exit 49"), want: "repo1 could not be read", again: true},
		"it has expired":        {replaced: map[string]string{"pgbackrest": strings.NewReplacer("restore) echo 17 > DATA/PG_VERSION;;", "restore) exit 75;;", `"label":"20261122-153309F"`, `"label":"20261123-153309F"`).Replace(scripts["pgbackrest"])}, want: "has expired", again: true},
		"restore is killed":     {replaced: restore("kill -9 $$"), want: "was killed", exit: ExitStopped},
		"another major version": {replaced: restore("echo 16 > DATA/PG_VERSION"), want: "the image has no PostgreSQL 16"},
		"another database":      {change: func(p *Plan) { p.SystemID = "1" }, want: "two clusters use one repo"},
		"PostgreSQL ends":       {replaced: map[string]string{"postgres": never + "echo 'FATAL:  recovery ended before configured recovery target was reached' >&2; exit 1"}, want: "the archive must reach", missing: true},
		"PostgreSQL is killed":  {replaced: map[string]string{"postgres": never + "kill -9 $$"}, want: "PostgreSQL was killed", exit: ExitStopped},
		"less than expected":    {replaced: psql("0/A000100", "0/9D4C190"), want: "WAL from 000000020000000000000009 on is missing", missing: true},
		"an older commit":       {replaced: psql("05:12:11.204999Z", "05:00:04.000000Z"), want: "recovery ended at 2026-11-28T05:00:04Z", missing: true},
		"a database cannot be queried": {
			replaced: psql("*) printf '1\\0';;", "*) echo 'ERROR:  could not open file' >&2; exit 1;;"), want: "FirstQuery: database \"shop\" cannot be queried: ERROR: could not open file",
		},
		"Dump":           {replaced: map[string]string{"pg_dump": "echo 'pg_dump: error: invalid page' >&2; exit 1"}, want: `Dump: pg_dump of database "shop" failed: pg_dump: error: invalid page`},
		"Amcheck":        {replaced: map[string]string{"pg_amcheck": "echo 'item order invariant violated'; exit 2"}, want: "Amcheck: pg_amcheck found: item order invariant violated"},
		"no Amcheck":     {replaced: map[string]string{"pg_amcheck": ""}, want: "Amcheck: the image has no pg_amcheck"},
		"sql":            {replaced: psql("printf '12", "printf '9"), want: "sql/orders: check orders: 9, must be at least 10"},
		"Checksums":      {replaced: map[string]string{"pg_checksums": "echo 'checksum verification failed' >&2; exit 1"}, want: "Checksums: pg_checksums found: checksum verification failed"},
		"no Checksums":   {replaced: map[string]string{"pg_controldata": strings.Replace(scripts["pg_controldata"], "version: 1", "version: 0", 1)}, want: "Checksums: the cluster has no data checksums"},
		"no clean stop":  {replaced: map[string]string{"postgres": strings.Replace(scripts["postgres"], "exit 0' INT", "exit 3' INT", 1)}, want: "did not shut down cleanly"},
		"a bad setting":  {change: func(p *Plan) { p.Config.Parameters = map[string]string{"archive_mode": "on"} }, want: "restorePod.parameters has archive_mode"},
		"over its limit": {replaced: restore("exec sleep 60"), change: func(p *Plan) { p.Deadline = time.Now().Add(50 * time.Millisecond) }, want: "over its limit in phase"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newImage(t, tc.replaced)
			if tc.change != nil {
				tc.change(&i.plan)
			}
			want := stanzaflowv1alpha1.RunFailed
			if tc.exit == 0 {
				tc.exit = ExitStop
			} else {
				want = stanzaflowv1alpha1.RunUnknown
			}
			if tc.again {
				exit, r, again := i.run(t.Context())
				if exit != 0 || again != "true" || r.Result != stanzaflowv1alpha1.RunUnknown || !strings.Contains(r.Message, tc.want) {
					t.Errorf("exit code %d, again %s, %s: %s", exit, again, r.Result, r.Message)
				}
			}
			i.last = true
			exit, r, again := i.run(t.Context())
			if exit != tc.exit || again != "false" || r.Result != want || r.Drill.DataMissing != tc.missing || !strings.Contains(r.Message, tc.want) {
				t.Errorf("exit code %d, again %s, %s: %s (data missing %t); want %s, %q", exit, again, r.Result, r.Message, r.Drill.DataMissing, want, tc.want)
			}
		})
	}
}

// TestMissingLibrary: PostgreSQL starts once more without a library that the image lacks,
// and the report names it.
func TestMissingLibrary(t *testing.T) {
	t.Parallel()
	i := newImage(t, map[string]string{"postgres": strings.Replace(scripts["postgres"], "trap", `case "$*" in *nowhere*) echo 'FATAL:  could not access file "nowhere": No such file or directory' >&2; exit 1;; esac
trap`, 1)})
	i.plan.Primary.Libraries = "pg_stat_statements,nowhere"
	exit, r, _ := i.run(t.Context())
	if exit != 0 || r.Drill.Checks[0].Message != "without the libraries nowhere, which the image does not have" {
		t.Errorf("exit code %d, %s: %s; %+v", exit, r.Result, r.Message, r.Drill.Checks)
	}
}

// TestStoppedDrillIsUnknown: a drill that Kubernetes or a person stops has proven nothing.
func TestStoppedDrillIsUnknown(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	i := newImage(t, map[string]string{"pgbackrest": strings.Replace(scripts["pgbackrest"], "restore) echo", "restore) touch BIN/restoring; exec sleep 60; echo", 1)})
	go func() {
		for {
			if _, err := os.Stat(i.path("bin/restoring")); err == nil || t.Context().Err() != nil {
				cancel()
				return
			}
			<-time.After(time.Millisecond)
		}
	}()
	exit, r, again := i.run(ctx)
	if exit != ExitStopped || r.Result != stanzaflowv1alpha1.RunUnknown || again != "false" || !strings.Contains(r.Message, "was stopped in phase restore") {
		t.Errorf("exit code %d, again %s, %s: %s", exit, again, r.Result, r.Message)
	}
}

// TestReportBeforeEachPhase: what is killed has left a report that says Unknown.
func TestReportBeforeEachPhase(t *testing.T) {
	t.Parallel()
	i := newImage(t, map[string]string{"pg_dump": `cp BIN/../out/report.json BIN/during.json`})
	if exit, r, _ := i.run(t.Context()); exit != 0 {
		t.Fatalf("%s: %s", r.Result, r.Message)
	}
	text, err := os.ReadFile(i.path("bin/during.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.Decode(string(text))
	if err != nil || r.Result != stanzaflowv1alpha1.RunUnknown || r.Message != UnknownMessage || r.Step != "checks" || r.Drill.Backup == "" {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestNoPlan(t *testing.T) {
	t.Parallel()
	i := newImage(t, nil)
	exit, r, _ := i.runText(t.Context(), "")
	if exit != ExitStop || r.Result != stanzaflowv1alpha1.RunFailed {
		t.Errorf("exit code %d, %s: %s", exit, r.Result, r.Message)
	}
}
