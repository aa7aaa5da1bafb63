//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/run/watch"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestWatcher(t *testing.T) {
	s := startServer(t)
	t.Run("may run what the watch runs", func(t *testing.T) { testWatch(t, s) })
	t.Run("may run nothing else", func(t *testing.T) { testWatchRefused(t, s) })
	t.Run("may run no mutation", func(t *testing.T) { testWatchMutations(t, s) })
	t.Run("may not connect in another way", func(t *testing.T) {
		for _, method := range []string{"GET", "POST"} {
			path := "/api/v1/namespaces/" + openNamespace + "/pods/" + runtest.PrimaryPod + "/attach?container=postgres"
			if err := s.do(t, strongWatcher, method, path); !refusedBy(err, "stanzaflow-connect") {
				t.Errorf("%s %s: %v", method, path, err)
			}
		}
	})
	t.Run("has no other right", func(t *testing.T) { testWatchRights(t, s) })
}

// watchCommands are those of a watch of two clusters, one of them with two repos on a repo
// host.
func watchCommands(t *testing.T) []runtest.Call {
	t.Helper()
	f := runtest.NewFleet(t)
	f.Add("orders", 1)
	billing := f.AddWithRepoHost("billing", 1)
	billing.Postgresql.PgBackRest.Repos = append(billing.Postgresql.PgBackRest.Repos, cpo.Repo{Name: "repo2", Storage: cpo.StorageS3, Resource: "backups"})
	dir := t.TempDir()
	code := watch.Run(t.Context(), watch.Env{Lister: f, Executor: f, Clock: clock.RealClock{}, Log: io.Discard}, watch.Options{
		Namespace: runtest.Namespace, Outputs: dir, TerminationLog: dir + "/termination-log", Limit: time.Minute, ClusterLimit: time.Minute, Parallel: 1,
	})
	// psql, df and info; and with a repo host df of its volume, and info at both ends.
	if calls := f.Calls(); code != 0 || len(calls) != 8 {
		t.Fatalf("exit code %d, %d commands: the test is wrong", code, len(calls))
	}
	return f.Calls()
}

func testWatch(t *testing.T, s *server) {
	calls := watchCommands(t)
	for repo := 1; repo <= 4; repo++ {
		calls = append(calls, runtest.Call{
			At: remote.Place{Container: cpo.ContainerRepoHost}, Argv: remote.DiskFreeCommand(remote.RepoPath(fmt.Sprintf("repo%d", repo))),
		})
	}
	for _, c := range calls {
		for _, method := range []string{"GET", "POST"} {
			if err := s.execBy(t, method, exec{user: watcher, container: c.At.Container, argv: c.Argv}); !admitted(err) {
				t.Errorf("%s in %s: %q: %v", method, c.At.Container, c.Argv, err)
			}
		}
	}
}

func testWatchRefused(t *testing.T, s *server) {
	const (
		otherCommand = "only the commands of operator watch"
		statement    = remote.ArchivingStatement
	)
	ask, free := remote.ArchivingCommand(), remote.DiskFreeCommand(remote.WALPath)
	last := len(ask) - 1
	for name, test := range map[string]struct {
		exec
		want string
	}{
		"nothing":                      {exec{}, otherCommand},
		"a shell":                      {exec{argv: []string{"sh", "-c", "id"}}, otherCommand},
		"a backup":                     {exec{argv: backupArgv()}, otherCommand},
		"stanza-create":                {exec{argv: must(pgbackrest.StanzaCreateCommand("db"))}, otherCommand},
		"check, which switches WAL":    {exec{argv: must(pgbackrest.CheckCommand("db"))}, otherCommand},
		"expire":                       {exec{argv: must(pgbackrest.ExpireCommand("db", 1))}, otherCommand},
		"verify":                       {exec{argv: must(pgbackrest.VerifyCommand("db", 1, testLabel))}, otherCommand},
		"version":                      {exec{argv: pgbackrest.VersionCommand()}, otherCommand},
		"list the archive":             {exec{argv: must(pgbackrest.RepoLSCommand(1, "archive/db"))}, otherCommand},
		"info of one repo":             {exec{argv: must(pgbackrest.InfoCommand("db", 1))}, otherCommand},
		"info of another stanza":       {exec{argv: must(pgbackrest.InfoCommand("other", pgbackrest.AllRepos))}, otherCommand},
		"end the backup of a run":      {exec{argv: must(pgbackrest.TerminateCommand(vocab.BackupAnnotation, runtest.Run))}, otherCommand},
		"end the workers":              {exec{argv: pgbackrest.TerminateWorkersCommand()}, otherCommand},
		"a restore point":              {exec{argv: restorePointArgv("predeploy")}, otherCommand},
		"the statement of a run":       {exec{argv: remote.PsqlCommand(remote.PostgresStatement)}, otherCommand},
		"digest of the file":           {exec{argv: pgbackrest.ConfigDigestCommand(cpo.ConfigDir + "/" + cpo.ConfigFileName)}, otherCommand},
		"another statement":            {exec{argv: at(last, "--command=SELECT 1", ask)}, otherCommand},
		"a statement that writes":      {exec{argv: at(last, "--command=SELECT pg_switch_wal()", ask)}, otherCommand},
		"a statement after ours":       {exec{argv: at(last, "--command="+statement+"; SELECT pg_switch_wal()", ask)}, otherCommand},
		"a second statement":           {exec{argv: with(ask, "--command=SELECT pg_switch_wal()")}, otherCommand},
		"a session that may write":     {exec{argv: remote.PsqlCommand(statement)}, otherCommand},
		"a session without an end":     {exec{argv: at(last-1, strings.Replace(ask[last-1], "statement_timeout=10s", "statement_timeout=0", 1), ask)}, otherCommand},
		"another database":             {exec{argv: at(last-1, strings.Replace(ask[last-1], "dbname=postgres", "dbname=shop", 1), ask)}, otherCommand},
		"df of another path":           {exec{argv: remote.DiskFreeCommand("/")}, otherCommand},
		"df of a path beside":          {exec{argv: remote.DiskFreeCommand(remote.WALPath + "/../..")}, otherCommand},
		"df of the fifth repo":         {exec{argv: remote.DiskFreeCommand(remote.RepoPath("repo5"))}, otherCommand},
		"df of two paths":              {exec{argv: with(free, "/")}, otherCommand},
		"df with other columns":        {exec{argv: at(2, "--output=source,target", free)}, otherCommand},
		"another container":            {exec{container: "sidecar", argv: ask}, "in the containers postgres and pgbackrest only"},
		"another namespace":            {exec{namespace: openNamespace, argv: ask}, `cannot get resource "pods/exec"`},
		"another namespace, by rights": {exec{user: strongWatcher, argv: ask}, "in their own namespace only"},
		"a backup, by rights":          {exec{user: strongWatcher, namespace: openNamespace, argv: backupArgv()}, otherCommand},
		"stdin":                        {exec{stdin: true, argv: ask}, "without stdin and tty only"},
		"a terminal":                   {exec{tty: true, argv: ask}, "without stdin and tty only"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				test.user = cmp.Or(test.user, watcher)
				want := test.want
				if method == "POST" {
					want = strings.ReplaceAll(want, "cannot get", "cannot create")
				}
				if err := s.execBy(t, method, test.exec); !apierrors.IsForbidden(err) || !contains(err, want) {
					t.Errorf("%s %q: %v, want %q", method, test.argv, err, want)
				}
			}
		})
	}
	if err := s.exec(t, exec{argv: ask}); !refusedBy(err, "stanzaflow-exec") {
		t.Errorf("the runner may run the statement of the watch, which no step does: %v", err)
	}
}

// testWatchMutations: nothing that is close to a command of the watch passes.
func testWatchMutations(t *testing.T, s *server) {
	const seed = 20260301
	random := rand.New(rand.NewPCG(seed, seed))
	calls := watchCommands(t)
	for range 150 {
		argv := calls[random.IntN(len(calls))].Argv
		mutant := mutate(random, argv)
		if err := s.exec(t, exec{user: watcher, argv: mutant}); !refusedBy(err, "stanzaflow-exec") {
			t.Errorf("%q, made of %q: %v", mutant, argv, err)
		}
	}
}

func testWatchRights(t *testing.T, s *server) {
	const (
		core   = "/api/v1/namespaces/" + runtest.Namespace
		apis   = "/apis/%s/namespaces/" + runtest.Namespace
		others = "/api/v1/namespaces/" + openNamespace
	)
	cpoAPI, ours := fmt.Sprintf(apis, "cpo.opensource.cybertec.at/v1"), fmt.Sprintf(apis, "stanzaflow.dev/v1alpha1")
	argo := fmt.Sprintf(apis, "argoproj.io/v1alpha1")
	for name, test := range map[string]struct {
		method, path string
		may          bool
	}{
		"lists postgresqls":               {"GET", cpoAPI + "/postgresqls", true},
		"lists Stanzas":                   {"GET", ours + "/stanzas", true},
		"lists pods":                      {"GET", core + "/pods", true},
		"reports to Argo":                 {"POST", argo + "/workflowtaskresults", true},
		"lists pods of another namespace": {"GET", others + "/pods", false},
		"lists all postgresqls":           {"GET", "/apis/cpo.opensource.cybertec.at/v1/postgresqls", false},
		"reads a Secret":                  {"GET", core + "/secrets/orders-s3", false},
		"lists Secrets":                   {"GET", core + "/secrets", false},
		"reads a ConfigMap":               {"GET", core + "/configmaps/orders-pgbackrest-config", false},
		"makes a ConfigMap":               {"POST", core + "/configmaps", false},
		"reads the log of a pod":          {"GET", core + "/pods/" + runtest.PrimaryPod + "/log", false},
		"makes a pod":                     {"POST", core + "/pods", false},
		"deletes a pod":                   {"DELETE", core + "/pods/" + runtest.PrimaryPod, false},
		"writes an event":                 {"POST", core + "/events", false},
		"gets a token":                    {"POST", core + "/serviceaccounts/default/token", false},
		"patches a postgresql":            {"PATCH", cpoAPI + "/postgresqls/" + runtest.Cluster, false},
		"patches the status of a Stanza":  {"PATCH", ours + "/stanzas/" + runtest.Cluster + "/status", false},
		"reads a Workflow":                {"GET", argo + "/workflows/run", false},
		"makes a Workflow":                {"POST", argo + "/workflows", false},
		"makes a schedule":                {"POST", argo + "/cronworkflows", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.do(t, watcher, test.method, test.path); apierrors.IsForbidden(err) == test.may {
				t.Errorf("%s %s: %v, want allowed: %t", test.method, test.path, err, test.may)
			}
		})
	}
}
