//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	config "github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/drillplan"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// Folders in the image. The primary has those of CPO.
const (
	repoPath   = "/srv/repo"
	drillMount = "/srv/drill/pgdata"
	drillData  = drillMount + "/pgroot/data"
	drillOut   = "/srv/drill/out"
	drillConf  = "/srv/drill/pgbackrest.conf"
	passphrase = "correct horse"
)

// cluster is a primary with a repo, and what drills need.
type cluster struct {
	rootfs

	t       *testing.T
	environ []string
	random  *rand.Rand
}

// newCluster starts a PostgreSQL in an image, and makes a stanza and a full backup.
func newCluster(t *testing.T, image string) *cluster {
	t.Helper()
	c := &cluster{rootfs: unpackRootfs(t, image), t: t, random: rand.New(rand.NewPCG(*seed, 16))}
	binaries, _ := filepath.Glob(c.path("/usr/lib/postgresql/*/bin"))
	if len(binaries) != 1 {
		t.Fatalf("the image has %d PostgreSQLs", len(binaries))
	}
	c.environ = []string{"PATH=" + strings.TrimPrefix(binaries[0], c.dir) + ":/usr/bin:/bin", "HOME=/home/postgres", "LC_ALL=C.UTF-8"}
	c.owned(t, cpo.PGDataPath, cpo.SpoolPath, cpo.LogPath, "/run/postgresql", repoPath, "/srv/tablespace", "/srv/lock", drillOut)
	c.inside(t, func(root *os.Root) error {
		return errors.Join(root.MkdirAll("etc/pgbackrest", 0o755), root.MkdirAll("opt/stanzaflow", 0o755))
	})
	c.write(t, "/etc/pgbackrest/pgbackrest.conf", c.conf(cpo.PGDataPath, "main", passphrase))
	c.write(t, drillConf, c.conf(drillData, "drill", passphrase))
	build := exec.Command("go", "build", "-o", c.path("/opt/stanzaflow/operator"), "../../cmd/operator")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	c.startPrimary()
	c.fill()
	return c
}

func (c *cluster) conf(data, lock, pass string) string {
	return strings.Join([]string{
		"[global]", "repo1-path=" + repoPath, "repo1-retention-full=9", "repo1-cipher-type=aes-256-cbc", "repo1-cipher-pass=" + pass,
		"start-fast=y", "compress-type=lz4", "log-level-file=off", "lock-path=/srv/lock/" + lock,
		"spool-path=/srv/lock/spool-" + lock, "archive-timeout=30", "job-retry=0",
		"[db]", "pg1-path=" + data, "pg1-socket-path=" + cpo.PGSocketPath, "",
	}, "\n")
}

func (c *cluster) startPrimary() {
	c.t.Helper()
	c.run(c.t, c.environ, "initdb", "--pgdata="+cpo.PGDataPath, "--username=postgres", "--data-checksums", "--auth=trust")
	file, err := os.OpenFile(c.path(cpo.PGDataPath+"/postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = io.WriteString(file, strings.Join([]string{
			"unix_socket_directories = '" + cpo.PGSocketPath + "'", "listen_addresses = ''", "archive_mode = on",
			"archive_command = 'pgbackrest --stanza=db archive-push \"%p\"'", "max_connections = 500", "max_prepared_transactions = 7",
			"shared_preload_libraries = 'pg_stat_statements'", "shared_buffers = 32MB", "track_commit_timestamp = on", "timezone = 'Europe/Vienna'",
			"fsync = off", "lc_messages = 'C'", "",
		}, "\n"))
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.run(c.t, c.environ, "pg_ctl", "start", "-w", "-D", cpo.PGDataPath, "-l", "/srv/lock/postgresql.log")
	c.t.Cleanup(func() {
		stop := c.command(context.Background(), c.environ, "pg_ctl", "stop", "-w", "-m", "immediate", "-D", cpo.PGDataPath)
		_ = stop.Run()
	})
	c.run(c.t, c.environ, "pgbackrest", "--stanza=db", "stanza-create")
}

// strange is a name that is hard to quote.
const strange = `we"ird 'na\me=x`

// fill makes databases of every kind, a tablespace, rows with a time, a transaction that
// stays prepared, and two backups.
func (c *cluster) fill() {
	c.t.Helper()
	for _, statement := range []string{
		"CREATE DATABASE shop", "CREATE DATABASE empty", "CREATE DATABASE closed ALLOW_CONNECTIONS false",
		`CREATE DATABASE "we""ird 'na\me=x"`,
		"CREATE TABLESPACE other LOCATION '/srv/tablespace'",
		// What is in postgresql.auto.conf of the backup must not keep the copy from starting.
		"ALTER SYSTEM SET shared_buffers = '64GB'", "ALTER SYSTEM SET ssl = on", "ALTER SYSTEM SET archive_cleanup_command = 'false'",
		"ALTER SYSTEM SET superuser_reserved_connections = 100", "ALTER SYSTEM SET log_min_messages = 'panic'", "ALTER SYSTEM SET statement_timeout = '1ms'",
		"ALTER SYSTEM SET default_transaction_read_only = on", "ALTER SYSTEM SET recovery_min_apply_delay = '1h'",
		"ALTER ROLE ALL SET datestyle = 'SQL, DMY'",
		"ALTER DATABASE empty SET default_transaction_read_only = on", "ALTER DATABASE empty SET statement_timeout = '1ms'",
		// A slot that the copy must not have, and more replication origins than that.
		"ALTER SYSTEM SET max_replication_slots = 1", "SELECT pg_create_physical_replication_slot('production', true)",
		"SELECT pg_replication_origin_create(name) FROM (VALUES ('first'), ('second')) AS origin (name)",
		"SELECT pg_replication_origin_advance(roname, '0/1') FROM pg_replication_origin",
	} {
		c.sql("postgres", statement)
	}
	c.sql("shop", "CREATE TABLE ledger (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())")
	c.sql("shop", "CREATE TABLE big TABLESPACE other AS SELECT i, md5(i::text) AS text FROM generate_series(1, 20000) AS i")
	c.sql("shop", "CREATE INDEX ON big (text)")
	c.sql("shop", "ALTER TABLE ledger ENABLE ROW LEVEL SECURITY")
	c.sql("shop", "REVOKE CONNECT ON DATABASE shop FROM public")
	c.rows(5)
	c.sql("shop", "BEGIN; INSERT INTO ledger DEFAULT VALUES; PREPARE TRANSACTION 'one'")
	c.sql("shop", "BEGIN; INSERT INTO ledger DEFAULT VALUES; PREPARE TRANSACTION 'two'")
	c.backup("full")
	c.rows(10)
	c.backup("incr")
	c.rows(10)
}

// rows writes some commits, each into a WAL segment of its own.
func (c *cluster) rows(n int) {
	c.t.Helper()
	for range n {
		c.sql("shop", "INSERT INTO ledger DEFAULT VALUES")
		c.sql("shop", "SELECT pg_switch_wal()")
	}
}

func (c *cluster) backup(typ string, options ...string) {
	c.t.Helper()
	c.run(c.t, c.environ, append([]string{"pgbackrest", "--stanza=db", "--type=" + typ, "backup"}, options...)...)
}

func (c *cluster) sql(database, statement string) string {
	c.t.Helper()
	return strings.TrimSpace(c.run(c.t, c.environ, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", cpo.PGSocketPath, "-U", "postgres", "-d", database, "-c", statement))
}

// Exec implements remote.Executor in the image.
func (c *cluster) Exec(ctx context.Context, _ remote.Place, argv []string, stdout, stderr io.Writer) error {
	cmd := c.command(ctx, c.environ, argv...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return &remote.ExitError{Code: ended.ExitCode()}
	}
	return err
}

// Postgresql, Stanza and the others implement remote.Finder and remote.Workflows.
func (c *cluster) Postgresql(context.Context, string, string) (cpo.Postgresql, string, error) {
	return cpo.Postgresql{Namespace: "shop", Name: "orders", PgBackRest: &cpo.PgBackRest{
		Repos: []cpo.Repo{{Name: "repo1", Storage: cpo.StorageS3}}, Global: map[string]string{},
	}}, "", nil
}

func (c *cluster) Stanza(context.Context, string, string) (stanzaflowv1alpha1.Stanza, error) {
	return stanzaflowv1alpha1.Stanza{}, nil
}

func (c *cluster) Pods(context.Context, string, map[string]string) ([]corev1.Pod, error) {
	pod := corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerPostgreSQL}}}}
	pod.Namespace, pod.Name = "shop", "orders-0"
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: cpo.ContainerPostgreSQL, Ready: true}}
	return []corev1.Pod{pod}, nil
}

func (c *cluster) CronJobs(context.Context, string, map[string]string) ([]batchv1.CronJob, error) {
	return nil, nil
}

func (c *cluster) Jobs(context.Context, string, map[string]string) ([]batchv1.Job, error) {
	return nil, nil
}
func (c *cluster) HasConfigMap(context.Context, string, string) (bool, error) { return true, nil }
func (c *cluster) Cancelled(context.Context, string, string, string) (string, error) {
	return "", nil
}

func (c *cluster) Started(context.Context, string, string, string) (time.Time, error) {
	return time.Time{}, nil
}

func (c *cluster) Slot(context.Context, string, string, string) (time.Time, error) {
	return time.Time{}, nil
}

func (c *cluster) RecordEvent(context.Context, string, string, string, string, string) error {
	return nil
}

// asked is what a drill of a test is.
type asked struct {
	target string
	checks []stanzaflowv1alpha1.DrillCheck
	sql    []stanzaflowv1alpha1.SQLCheck
	// parameters of restorePod.
	parameters map[string]string
}

// plan makes step plan in the primary. The exit code is that of the container.
func (c *cluster) plan(t *testing.T, a asked) (plan string, r report.Report, exit int) {
	t.Helper()
	if a.checks == nil {
		a.checks = []stanzaflowv1alpha1.DrillCheck{stanzaflowv1alpha1.CheckDump}
	}
	text, err := config.Config{
		DefaultRepo: 1, DataPath: drillData, Parameters: a.parameters,
		Drills: []stanzaflowv1alpha1.Drill{{Name: "test", Checks: a.checks, SQL: a.sql}},
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	var log bytes.Buffer
	exit = drillplan.Run(t.Context(), drillplan.Env{Finder: c, Workflows: c, Executor: c, Clock: clock.RealClock{}, Random: c.random, Log: &log}, drillplan.Options{
		Namespace: "shop", Cluster: "orders", Drill: "test", Target: a.target, Trigger: "manual", Workflow: "drill", Run: "6f1f2a52-0c0e-4d6b-9a5e-1b5f3c1d7e11",
		Created: time.Now().UTC().Format(time.RFC3339), Limit: time.Hour, Config: text, Attempts: 1, Backoff: time.Second,
		Outputs: drill.Outputs(out), TerminationLog: filepath.Join(out, "termination"),
	})
	planned, _ := os.ReadFile(filepath.Join(out, drill.FilePlan))
	encoded, err := os.ReadFile(filepath.Join(out, drill.FileReport))
	if err == nil {
		r, err = report.Decode(string(encoded))
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	return string(planned), r, exit
}

// ended is how step restore ended.
type ended struct {
	exit   int
	report report.Report
	again  string
	log    string
}

// restore makes step restore as the container does, with more variables. It fails the test
// if the drill leaves anything behind, in the repo or on its volume.
func (c *cluster) restore(t *testing.T, plan string, last bool, variables ...string) ended {
	t.Helper()
	if err := os.RemoveAll(c.path(drillMount)); err != nil {
		t.Fatal(err)
	}
	c.owned(t, drillMount, drillOut)
	before := c.listing(t)
	environ := append(append([]string(nil), c.environ...), append([]string{"PGBACKREST_CONFIG=" + drillConf}, variables...)...)
	cmd := c.command(t.Context(), environ, "/opt/stanzaflow/operator", "drill-step", "restore", "--plan="+plan, fmt.Sprintf("--last=%t", last),
		"--mount="+drillMount, "--socket="+drillOut+"/socket", "--outputs="+drillOut, "--termination-log="+drillOut+"/termination", "--poll=50ms")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(50 * time.Millisecond):
			if listens("5432") {
				t.Error("PostgreSQL of the drill listens on a port")
			}
		}
	}
	e := ended{exit: cmd.ProcessState.ExitCode(), log: log.String()}
	text, err := os.ReadFile(c.path(drillOut + "/" + drill.FileReport))
	if err == nil {
		e.report, err = report.Decode(string(text))
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, e.log)
	}
	again, _ := os.ReadFile(c.path(drillOut + "/" + drill.FileAgain))
	e.again = string(again)
	if after := c.listing(t); after != before {
		t.Errorf("the drill has changed the repo\nbefore:\n%s\nafter:\n%s", before, after)
	}
	if _, err := os.Stat(c.path(drillData)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the restored database is still there: %v", err)
	}
	return e
}

// listens reports whether something listens on a port of this machine.
func listens(port string) bool {
	connection, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// listing is the repo: names, sizes and times.
func (c *cluster) listing(t *testing.T) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(c.path(repoPath), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			lines = append(lines, fmt.Sprintf("%s %d %s", strings.TrimPrefix(path, c.path(repoPath)), info.Size(), info.ModTime().Format(time.RFC3339Nano)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// tamper changes the repo for one test, and puts back afterwards what it has changed or
// removed. What PostgreSQL has archived meanwhile stays.
func (c *cluster) tamper(t *testing.T, change func(repo string)) {
	t.Helper()
	kept := filepath.Join(t.TempDir(), "repo")
	if output, err := exec.Command("cp", "-a", c.path(repoPath), kept).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	t.Cleanup(func() {
		if output, err := exec.Command("cp", "-a", kept+"/.", c.path(repoPath)).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, output)
		}
	})
	change(c.path(repoPath))
}

// segments are the files of WAL in the repo, in their order.
func (c *cluster) segments(t *testing.T, repo string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(repo, "archive/db/*/*/*-*.lz4"))
	if err != nil || len(found) < 10 {
		t.Fatalf("%d segments: %v", len(found), err)
	}
	return found
}
