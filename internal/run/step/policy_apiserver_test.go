//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// exec is a request to execute a command. What is empty is as the steps have it.
type exec struct {
	user, namespace string
	// container: none is an empty one.
	container  string
	argv       []string
	stdin, tty bool
}

const none = "-"

func (e exec) options() *corev1.PodExecOptions {
	return &corev1.PodExecOptions{
		Container: strings.TrimSuffix(cmp.Or(e.container, cpo.ContainerPostgreSQL), none),
		Command:   e.argv, Stdin: e.stdin, TTY: e.tty, Stdout: true, Stderr: true,
	}
}

// exec over WebSocket begins with GET, over SPDY with POST; the answer is the
// same until the stream begins.
func (s *server) exec(t *testing.T, e exec) error {
	t.Helper()
	return s.execBy(t, "GET", e)
}

func (s *server) execBy(t *testing.T, method string, e exec) error {
	t.Helper()
	return s.as(t, cmp.Or(e.user, runner)).Verb(method).
		Resource("pods").Namespace(cmp.Or(e.namespace, runtest.Namespace)).Name(runtest.PrimaryPod).SubResource("exec").
		VersionedParams(e.options(), scheme.ParameterCodec).Do(t.Context()).Error()
}

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// admitted: the pod has no node, and that is looked at last.
func admitted(err error) bool { return contains(err, "does not have a host assigned") }

func must(argv []string, err error) []string {
	if err != nil {
		panic(err)
	}
	return argv
}

const testLabel = "20260301-010000F"

// testMark is one of several commands at once.
const testMark = "0123456789abcdef0123456789abcdef"

func backupArgv() []string {
	return must(pgbackrest.BackupCommand(pgbackrest.BackupOptions{
		Stanza: vocab.PgBackRestStanza, Repo: 1, Type: cpo.Full, StartFast: true,
		Annotations: map[string]string{vocab.BackupAnnotation: runtest.Run},
	}))
}

// restorePointArgv creates a restore point whose name begins so.
func restorePointArgv(prefix string) []string {
	statement, _, err := remote.RestorePointStatement(prefix, runtest.Start)
	if err != nil {
		panic(err)
	}
	return remote.PsqlCommand(statement)
}

// inPoint is the same with something else in place of the name.
func inPoint(name string) []string {
	argv := restorePointArgv("predeploy")
	last := len(argv) - 1
	return at(last, strings.Replace(argv[last], "predeploy-20260301T010000.000Z", name, 1), argv)
}

// with is a command line with more arguments.
func with(argv []string, more ...string) []string { return append(slices.Clone(argv), more...) }

// at is a command line with another argument in one place.
func at(i int, argument string, argv []string) []string {
	argv = slices.Clone(argv)
	argv[i] = argument
	return argv
}

// without is a command line that lacks an argument.
func without(argument string, argv []string) []string {
	i := slices.Index(argv, argument)
	if i < 0 {
		panic("there is no " + argument)
	}
	return slices.Delete(slices.Clone(argv), i, i+1)
}

func TestRunner(t *testing.T) {
	s := startServer(t)
	t.Run("may run every command of a step", func(t *testing.T) { testAllowed(t, s) })
	t.Run("may run what the steps run", func(t *testing.T) { testSteps(t, s) })
	t.Run("may run nothing else", func(t *testing.T) { testRefused(t, s) })
	t.Run("may run nothing else among several at once", func(t *testing.T) { testRefusedAmongSeveral(t, s) })
	t.Run("may write a heartbeat, and nothing close to one", func(t *testing.T) { testHeartbeat(t, s) })
	t.Run("may not connect in another way", func(t *testing.T) { testConnect(t, s) })
	t.Run("has no other right", func(t *testing.T) { testRights(t, s) })
	t.Run("sees what CPO does", func(t *testing.T) { testBeside(t, s) })
	t.Run("may ask for the marker of a restore, and write no ConfigMap", func(t *testing.T) { testMarkerOnly(t, s) })
	t.Run("is held over both protocols", func(t *testing.T) { testProtocols(t, s) })
	t.Run("may run any valid command, and no mutation", func(t *testing.T) { testMutations(t, s) })
}

func testAllowed(t *testing.T, s *server) {
	const stanza = vocab.PgBackRestStanza
	for name, argv := range map[string][]string{
		"version":                   pgbackrest.VersionCommand(),
		"info of all repos":         must(pgbackrest.InfoCommand(stanza, pgbackrest.AllRepos)),
		"info of one repo":          must(pgbackrest.InfoCommand(stanza, 4)),
		"stanza-create":             must(pgbackrest.StanzaCreateCommand(stanza)),
		"stanza-upgrade":            must(pgbackrest.StanzaUpgradeCommand(stanza)),
		"check":                     must(pgbackrest.CheckCommand(stanza)),
		"backup":                    backupArgv(),
		"backup without start-fast": without("--start-fast", backupArgv()),
		"expire":                    must(pgbackrest.ExpireCommand(stanza, 2)),
		"verify of a full":          must(pgbackrest.VerifyCommand(stanza, 1, testLabel)),
		"verify of an incr":         must(pgbackrest.VerifyCommand(stanza, 1, testLabel+"_20260301-020000I")),
		"list the archive":          must(pgbackrest.RepoLSCommand(1, "archive/db/16-1/0000000100000000")),
		"list the files":            must(pgbackrest.RepoFilesCommand(1, "backup/db/"+testLabel)),
		"end the backup of a run":   must(pgbackrest.TerminateCommand(vocab.BackupAnnotation, runtest.Run)),
		"end the workers it left":   pgbackrest.TerminateWorkersCommand(),
		"digest of the file":        pgbackrest.ConfigDigestCommand(cpo.ConfigDir + "/" + cpo.ConfigFileName),
		"names of the options":      pgbackrest.OptionNamesCommand(cpo.ConfigDir),
		"where backups go":          pgbackrest.PlacesCommand(cpo.ConfigDir + "/" + cpo.ConfigFileName),
		"ask for settings":          remote.PsqlCommand(remote.PostgresStatement),
		"ask for sessions":          remote.PsqlCommand(remote.BackupSessionsStatement),
		"read a history":            must(pgbackrest.RepoHistoryCommand(1, "archive/db/16-1/0000000A.history")),
		"ask for those of a copy":   remote.PsqlCommand(remote.SettingsStatement),
		"ask for slots":             remote.PsqlCommand(remote.SlotsStatement),
		"room for a restore":        remote.DiskFreeCommand(cpo.PGDataPath),
		"write a heartbeat":         remote.PsqlCommand(remote.HeartbeatStatement),
		"create a restore point":    restorePointArgv("predeploy"),
		"several at once":           remote.AheadCommand(testMark, remote.PsqlCommand(remote.PostgresStatement), pgbackrest.VersionCommand(), pgbackrest.OptionNamesCommand(cpo.ConfigDir)),
		"create one of 63 letters":  restorePointArgv(strings.Repeat("x", 42)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, container := range []string{cpo.ContainerPostgreSQL, cpo.ContainerRepoHost} {
				for _, method := range []string{"GET", "POST"} {
					if err := s.execBy(t, method, exec{container: container, argv: argv}); !admitted(err) {
						t.Errorf("%s in %s: %q: %v", method, container, argv, err)
					}
				}
			}
		})
	}
}

// testSteps: the table above could lack what a step has learned since.
func testSteps(t *testing.T, s *server) {
	for name, makeWorld := range map[string]func(*testing.T) *runtest.World{
		"in the primary": runtest.New, "with a repo host": runtest.NewWithRepoHost,
		"beside CPO": func(t *testing.T) *runtest.World {
			return makeWorld(t, runtest.NewWithRepoHost, (*runtest.World).BesideCPO)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t)
			w.StanzaExists = false
			newPod(w).mustRun(backupSteps...)
			w.AfterUpgrade()
			w.Clock.Step(time.Minute)
			made := newMakePod(w)
			made.parameters.Run = earlier
			made.mustRun(makeSteps...)
			w.Record(w.Backups[1])
			newReusePod(w).mustRun(reuseSteps...)
			if len(w.RestorePoints) != 2 || len(w.Issued("stanza-upgrade")) != 1 {
				t.Fatalf("%d restore points, %d upgrades: the test is wrong", len(w.RestorePoints), len(w.Issued("stanza-upgrade")))
			}
			if len(w.Calls) < 10 {
				t.Fatalf("the steps ran %d commands, which cannot be all", len(w.Calls))
			}
			for _, c := range append(w.Execs, w.Calls...) { // Each command alone, too.
				if err := s.exec(t, exec{container: c.At.Container, argv: c.Argv}); !admitted(err) {
					t.Errorf("in %s: %q: %v", c.At.Container, c.Argv, err)
				}
			}
		})
	}
}

func testRefused(t *testing.T, s *server) {
	const (
		otherCommand   = "only the commands of the steps"
		otherContainer = "in the containers postgres and pgbackrest only"
		otherNamespace = "in their own namespace only"
		interactive    = "without stdin and tty only"
		noRight        = `cannot get resource "pods/exec"`
	)
	info, ls := must(pgbackrest.InfoCommand("db", 1)), must(pgbackrest.RepoLSCommand(1, "archive/db"))
	history := must(pgbackrest.RepoHistoryCommand(1, "archive/db/16-1/0000000A.history"))
	copied := remote.PsqlCommand(remote.SettingsStatement)
	pgBackRest := func(arguments ...string) exec { return exec{argv: with([]string{"pgbackrest"}, arguments...)} }
	for name, test := range map[string]struct {
		exec
		want string
	}{
		"nothing":                      {exec{}, otherCommand},
		"a shell":                      {exec{argv: []string{"sh", "-c", "id"}}, otherCommand},
		"another shell":                {exec{argv: []string{"bash"}}, otherCommand},
		"a shell by its path":          {exec{argv: []string{"/bin/sh"}}, otherCommand},
		"pgbackrest by a path":         {exec{argv: []string{"/tmp/pgbackrest", "version"}}, otherCommand},
		"env":                          {exec{argv: []string{"env", "PGBACKREST_CONFIG=/tmp/x", "pgbackrest", "version"}}, otherCommand},
		"an argument that holds two":   {pgBackRest("stanza-create --stanza=db", "--log-level-console=info", "--log-level-stderr=warn"), otherCommand},
		"a line break at the end":      {exec{argv: at(2, "--stanza=db\n", info)}, otherCommand},
		"an empty argument at the end": {exec{argv: with(info, "")}, otherCommand},

		"the room of another path": {exec{argv: remote.DiskFreeCommand("/")}, otherCommand},
		"another view than slots":  {exec{argv: remote.PsqlCommand(strings.Replace(remote.SlotsStatement, "pg_replication_slots", "pg_authid", 1))}, otherCommand},

		"another container":            {exec{container: "sidecar", argv: info}, otherContainer},
		"no container":                 {exec{container: none, argv: info}, otherContainer},
		"another namespace":            {exec{namespace: openNamespace, argv: info}, noRight},
		"another namespace, by rights": {exec{user: strongRunner, argv: info}, otherNamespace},
		"a shell, by rights":           {exec{user: strongRunner, namespace: openNamespace, argv: []string{"sh"}}, otherCommand},
		"stdin":                        {exec{stdin: true, argv: info}, interactive},
		"a terminal":                   {exec{tty: true, argv: info}, interactive},

		"restore":                  {pgBackRest("restore", "--stanza=db"), otherCommand},
		"stop":                     {pgBackRest("stop"), otherCommand},
		"stop a stanza":            {pgBackRest("stop", "--stanza=db", "--force"), otherCommand},
		"start":                    {pgBackRest("start", "--stanza=db"), otherCommand},
		"stanza-delete":            {pgBackRest("stanza-delete", "--stanza=db", "--force"), otherCommand},
		"archive-push":             {pgBackRest("archive-push", "--stanza=db", "/etc/passwd"), otherCommand},
		"archive-get":              {pgBackRest("archive-get", "--stanza=db", "000000010000000000000001", "/tmp/x"), otherCommand},
		"read a WAL segment":       {exec{argv: at(len(history)-1, "archive/db/16-1/0000000100000000/000000010000000000000001-ab.gz", history)}, otherCommand},
		"read a history elsewhere": {exec{argv: at(len(history)-1, "archive/other/16-1/0000000A.history", history)}, otherCommand},
		"read a history and more":  {exec{argv: with(history, "backup/db/backup.info")}, otherCommand},
		"read a history raw":       {exec{argv: with(history, "--raw")}, otherCommand},
		"another setting":          {exec{argv: at(11, strings.Replace(copied[11], "shared_preload_libraries", "primary_conninfo", 1), copied)}, otherCommand},

		"repo-get": {pgBackRest("repo-get", "--repo=1", "backup/db/backup.info"), otherCommand},
		"repo-put": {pgBackRest("repo-put", "--repo=1", "backup/db/backup.info"), otherCommand},
		"repo-rm":  {pgBackRest("repo-rm", "--repo=1", "--recurse", "backup/db"), otherCommand},
		"annotate": {pgBackRest("annotate", "--stanza=db", "--set="+testLabel, "--annotation=a=b"), otherCommand},
		"server":   {pgBackRest("server"), otherCommand},
		"help":     {pgBackRest("help"), otherCommand},

		"info of another stanza":                 {exec{argv: at(2, "--stanza=other", info)}, otherCommand},
		"info of the fifth repo":                 {exec{argv: must(pgbackrest.InfoCommand("db", 5))}, otherCommand},
		"info with one set":                      {exec{argv: with(info, "--set="+testLabel)}, otherCommand},
		"backup with another file":               {exec{argv: with(backupArgv(), "--config=/tmp/x")}, otherCommand},
		"backup with another directory":          {exec{argv: with(backupArgv(), "--config-include-path=/tmp")}, otherCommand},
		"backup to another place":                {exec{argv: with(backupArgv(), "--repo1-path=/tmp")}, otherCommand},
		"backup through another host":            {exec{argv: with(backupArgv(), "--repo1-host=example.org")}, otherCommand},
		"backup with another program":            {exec{argv: with(backupArgv(), "--cmd=/tmp/x")}, otherCommand},
		"backup with a log elsewhere":            {exec{argv: with(backupArgv(), "--log-path=/tmp")}, otherCommand},
		"backup that logs everything":            {exec{argv: at(len(backupArgv())-1, "--log-level-stderr=trace", backupArgv())}, otherCommand},
		"backup of a delta":                      {exec{argv: with(backupArgv(), "--delta")}, otherCommand},
		"backup that expires":                    {exec{argv: without("--no-expire-auto", backupArgv())}, otherCommand},
		"backup that does not wait for its WAL":  {exec{argv: without("--archive-check", backupArgv())}, otherCommand},
		"backup that may leave files out":        {exec{argv: without("--reset-exclude", backupArgv())}, otherCommand},
		"backup that may not check pages":        {exec{argv: without("--reset-checksum-page", backupArgv())}, otherCommand},
		"backup of no run":                       {exec{argv: without("--annotation="+vocab.BackupAnnotation+"="+runtest.Run, backupArgv())}, otherCommand},
		"backup of two runs":                     {exec{argv: with(backupArgv(), "--annotation="+vocab.BackupAnnotation+"="+runtest.Run)}, otherCommand},
		"expire of one set":                      {exec{argv: with(must(pgbackrest.ExpireCommand("db", 1)), "--set="+testLabel)}, otherCommand},
		"expire with another retention":          {exec{argv: with(must(pgbackrest.ExpireCommand("db", 1)), "--repo1-retention-full=1")}, otherCommand},
		"verify without a set":                   {exec{argv: without("--set="+testLabel, must(pgbackrest.VerifyCommand("db", 1, testLabel)))}, otherCommand},
		"list all of the repo":                   {exec{argv: at(len(ls)-1, "/", ls)}, otherCommand},
		"list beside the repo":                   {exec{argv: at(len(ls)-1, "archive/db/../../..", ls)}, otherCommand},
		"list another stanza":                    {exec{argv: at(len(ls)-1, "archive/other", ls)}, otherCommand},
		"list two directories":                   {exec{argv: with(ls, "backup/db")}, otherCommand},
		"another statement":                      {exec{argv: remote.PsqlCommand("SELECT 1")}, otherCommand},
		"a statement after ours":                 {exec{argv: remote.PsqlCommand(remote.BackupSessionsStatement + "; DROP DATABASE shop")}, otherCommand},
		"a second statement":                     {exec{argv: with(remote.PsqlCommand(remote.PostgresStatement), "--command=SELECT 1")}, otherCommand},
		"a statement from a file":                {exec{argv: with(remote.PsqlCommand(remote.PostgresStatement), "--file=/tmp/x")}, otherCommand},
		"the statement to another host":          {exec{argv: at(7, "--host=example.org", remote.PsqlCommand(remote.PostgresStatement))}, otherCommand},
		"psql without a statement":               {exec{argv: remote.PsqlCommand(remote.PostgresStatement)[:11]}, otherCommand},
		"a restore point with a statement in it": {exec{argv: inPoint("x'); DROP DATABASE shop; SELECT pg_create_restore_point('predeploy-20260301T010000.000Z")}, otherCommand},
		"a restore point with a quote":           {exec{argv: inPoint("x'-20260301T010000.000Z")}, otherCommand},
		"a restore point with two quotes":        {exec{argv: inPoint("x''-20260301T010000.000Z")}, otherCommand},
		"a restore point with a backslash":       {exec{argv: inPoint(`x\-20260301T010000.000Z`)}, otherCommand},
		"a restore point with a space":           {exec{argv: inPoint("x y-20260301T010000.000Z")}, otherCommand},
		"a restore point with a line break":      {exec{argv: inPoint("x\n-20260301T010000.000Z")}, otherCommand},
		"a restore point without a time":         {exec{argv: inPoint("predeploy")}, otherCommand},
		"a restore point with more than a time":  {exec{argv: inPoint("predeploy-20260301T010000.000Z-x")}, otherCommand},
		"a restore point with a long name":       {exec{argv: inPoint(strings.Repeat("x", 43) + "-20260301T010000.000Z")}, otherCommand},
		"a restore point without a name":         {exec{argv: inPoint("")}, otherCommand},
		"another function with its name":         {exec{argv: at(11, strings.Replace(restorePointArgv("x")[11], "pg_create_restore_point", "pg_read_file", 1), restorePointArgv("x"))}, otherCommand},
		"a statement after the restore point":    {exec{argv: at(11, restorePointArgv("x")[11]+"; DROP DATABASE shop", restorePointArgv("x"))}, otherCommand},
		"a statement before the restore point":   {exec{argv: at(11, strings.Replace(restorePointArgv("x")[11], "=SELECT", "=DROP DATABASE shop; SELECT", 1), restorePointArgv("x"))}, otherCommand},
		"two restore points":                     {exec{argv: with(restorePointArgv("x"), restorePointArgv("x")[11])}, otherCommand},
		"a restore point on another host":        {exec{argv: at(7, "--host=example.org", restorePointArgv("x"))}, otherCommand},
		"a restore point by another program":     {exec{argv: at(0, "sh", restorePointArgv("x"))}, otherCommand},
		"stanza-upgrade of another stanza":       {exec{argv: at(2, "--stanza=other", must(pgbackrest.StanzaUpgradeCommand("db")))}, otherCommand},
		"stanza-upgrade without PostgreSQL":      {exec{argv: with(must(pgbackrest.StanzaUpgradeCommand("db")), "--no-online")}, otherCommand},
		"end every process":                      {exec{argv: []string{"pkill", "--signal", "TERM", "--full", "."}}, otherCommand},
		"end every backup":                       {exec{argv: []string{"pkill", "--signal", "TERM", "--full", vocab.BackupAnnotation + "="}}, otherCommand},
		"end the children of PostgreSQL":         {exec{argv: at(6, "postgres", pgbackrest.TerminateWorkersCommand())}, otherCommand},
		"end the workers of any backup":          {exec{argv: []string{"pkill", "--signal", "TERM", "--full", "backup:local"}}, otherCommand},
		"kill the backup":                        {exec{argv: at(2, "KILL", must(pgbackrest.TerminateCommand(vocab.BackupAnnotation, runtest.Run)))}, otherCommand},
		"digest of another file":                 {exec{argv: pgbackrest.ConfigDigestCommand("/etc/passwd")}, otherCommand},
		"digest of a second file":                {exec{argv: with(pgbackrest.ConfigDigestCommand(cpo.ConfigDir+"/"+cpo.ConfigFileName), "/etc/passwd")}, otherCommand},
		"options of another directory":           {exec{argv: pgbackrest.OptionNamesCommand("/")}, otherCommand},
		"values of the options":                  {exec{argv: at(4, ".*", pgbackrest.OptionNamesCommand(cpo.ConfigDir))}, otherCommand},
		"lines with a name of an option":         {exec{argv: without("-o", pgbackrest.OptionNamesCommand(cpo.ConfigDir))}, otherCommand},
		"all values of the file":                 {exec{argv: at(2, ".*", pgbackrest.PlacesCommand(cpo.ConfigDir+"/"+cpo.ConfigFileName))}, otherCommand},
		"the key of an account":                  {exec{argv: at(2, strings.Replace(pgbackrest.PlacesCommand("x")[2], "azure-account", "azure-key", 1), pgbackrest.PlacesCommand(cpo.ConfigDir+"/"+cpo.ConfigFileName))}, otherCommand},
		"where backups go, of a Secret":          {exec{argv: pgbackrest.PlacesCommand(cpo.ConfigDir + "/s3.conf")}, otherCommand},
		"where backups go, of two files":         {exec{argv: with(pgbackrest.PlacesCommand(cpo.ConfigDir+"/"+cpo.ConfigFileName), "/etc/passwd")}, otherCommand},
		"lines around those options":             {exec{argv: with(pgbackrest.PlacesCommand(cpo.ConfigDir+"/"+cpo.ConfigFileName), "--context=100")}, otherCommand},
		"options with a pattern of a file":       {exec{argv: with(pgbackrest.OptionNamesCommand(cpo.ConfigDir), "-f", "/etc/passwd")}, otherCommand},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				err := s.execBy(t, method, test.exec)
				want := test.want
				if method == "POST" {
					want = strings.ReplaceAll(want, "cannot get", "cannot create")
				}
				if !apierrors.IsForbidden(err) || !contains(err, want) {
					t.Errorf("%s %q: %v, want %q", method, test.argv, err, want)
				}
			}
		})
	}
}

// testConnect: with all rights, so that it is not RBAC that refuses.
func testConnect(t *testing.T, s *server) {
	const open = "/api/v1/namespaces/" + openNamespace
	for name, path := range map[string]string{
		"attach":             open + "/pods/" + runtest.PrimaryPod + "/attach?container=postgres",
		"port-forward":       open + "/pods/" + runtest.PrimaryPod + "/portforward?ports=5432",
		"proxy to a pod":     open + "/pods/" + runtest.PrimaryPod + "/proxy/",
		"proxy to a service": open + "/services/x/proxy/",
		"proxy to a node":    "/api/v1/nodes/x/proxy/run/x/y/z",
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				if err := s.do(t, strongRunner, method, path); !refusedBy(err, "stanzaflow-connect") {
					t.Errorf("%s %s: %v", method, path, err)
				}
				// The policy is about the runner and nobody else.
				if err := s.do(t, "", method, path); refusedBy(err, "stanzaflow-connect") {
					t.Errorf("%s %s: an administrator is refused: %v", method, path, err)
				}
			}
		})
	}
	if err := s.execBy(t, "GET", exec{user: "system:admin", argv: []string{"sh"}}); refusedBy(err, "stanzaflow-exec") {
		t.Errorf("exec of a person is refused: %v", err)
	}
}

func testRights(t *testing.T, s *server) {
	const (
		core   = "/api/v1/namespaces/" + runtest.Namespace
		apis   = "/apis/%s/namespaces/" + runtest.Namespace
		others = "/api/v1/namespaces/" + openNamespace
	)
	cpoAPI, ours := fmt.Sprintf(apis, "cpo.opensource.cybertec.at/v1"), fmt.Sprintf(apis, "stanzaflow.dev/v1alpha1")
	argo, apps := fmt.Sprintf(apis, "argoproj.io/v1alpha1"), fmt.Sprintf(apis, "apps/v1")
	for name, test := range map[string]struct {
		method, path string
		may          bool
	}{
		"reads its postgresql":            {"GET", cpoAPI + "/postgresqls/" + runtest.Cluster, true},
		"reads its Stanza":                {"GET", ours + "/stanzas/" + runtest.Cluster, true},
		"lists pods":                      {"GET", core + "/pods", true},
		"reads its Workflow":              {"GET", argo + "/workflows/run", true},
		"reports to Argo":                 {"POST", argo + "/workflowtaskresults", true},
		"writes an event":                 {"POST", core + "/events", true},
		"reads a Secret":                  {"GET", core + "/secrets/orders-s3", false},
		"lists Secrets":                   {"GET", core + "/secrets", false},
		"reads a ConfigMap":               {"GET", core + "/configmaps/orders-pgbackrest-config", false},
		"makes a ConfigMap":               {"POST", core + "/configmaps", false},
		"lists CronJobs":                  {"GET", fmt.Sprintf(apis, "batch/v1") + "/cronjobs", false},
		"lists Jobs":                      {"GET", fmt.Sprintf(apis, "batch/v1") + "/jobs", false},
		"patches a ConfigMap":             {"PATCH", core + "/configmaps/orders-pgbackrest-config", false},
		"makes a pod":                     {"POST", core + "/pods", false},
		"deletes a pod":                   {"DELETE", core + "/pods/" + runtest.PrimaryPod, false},
		"evicts a pod":                    {"POST", core + "/pods/" + runtest.PrimaryPod + "/eviction", false},
		"adds a container to a pod":       {"PATCH", core + "/pods/" + runtest.PrimaryPod + "/ephemeralcontainers", false},
		"reads the log of a pod":          {"GET", core + "/pods/" + runtest.PrimaryPod + "/log", false},
		"attaches":                        {"POST", core + "/pods/" + runtest.PrimaryPod + "/attach", false},
		"forwards a port":                 {"POST", core + "/pods/" + runtest.PrimaryPod + "/portforward", false},
		"lists pods of another namespace": {"GET", others + "/pods", false},
		"lists all pods":                  {"GET", "/api/v1/pods", false},
		"gets a token":                    {"POST", core + "/serviceaccounts/default/token", false},
		"lists postgresqls":               {"GET", cpoAPI + "/postgresqls", false},
		"patches a postgresql":            {"PATCH", cpoAPI + "/postgresqls/" + runtest.Cluster, false},
		"patches a Stanza":                {"PATCH", ours + "/stanzas/" + runtest.Cluster, false},
		"patches the status of a Stanza":  {"PATCH", ours + "/stanzas/" + runtest.Cluster + "/status", false},
		"makes a Workflow":                {"POST", argo + "/workflows", false},
		"patches its Workflow":            {"PATCH", argo + "/workflows/run", false},
		"patches a template":              {"PATCH", argo + "/workflowtemplates/pgbackrest-backup", false},
		"makes a schedule":                {"POST", argo + "/cronworkflows", false},
		"patches a StatefulSet":           {"PATCH", apps + "/statefulsets/orders", false},
		"patches its own Role":            {"PATCH", fmt.Sprintf(apis, "rbac.authorization.k8s.io/v1") + "/roles/pgbackrest-runner", false},
		"patches the policy":              {"PATCH", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/stanzaflow-exec", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.do(t, runner, test.method, test.path); apierrors.IsForbidden(err) == test.may {
				t.Errorf("%s %s: %v, want allowed: %t", test.method, test.path, err, test.may)
			}
		})
	}
}

// testProtocols: with the clients that the steps use, which begin a stream.
func testProtocols(t *testing.T, s *server) {
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: runner}
	for command, argv := range map[string][]string{"admitted": pgbackrest.VersionCommand(), "refused": {"sh"}} {
		e := exec{argv: argv}
		url := s.as(t, runner).Post().Resource("pods").Namespace(runtest.Namespace).Name(runtest.PrimaryPod).SubResource("exec").
			VersionedParams(e.options(), scheme.ParameterCodec).URL()
		webSocket, err := remotecommand.NewWebSocketExecutor(config, "GET", url.String())
		if err != nil {
			t.Fatal(err)
		}
		spdy, err := remotecommand.NewSPDYExecutor(config, "POST", url)
		if err != nil {
			t.Fatal(err)
		}
		for protocol, executor := range map[string]remotecommand.Executor{"WebSocket": webSocket, "SPDY": spdy} {
			t.Run(command+" over "+protocol, func(t *testing.T) {
				err := executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: io.Discard, Stderr: io.Discard})
				if want := command == "admitted"; admitted(err) != want || contains(err, "ValidatingAdmissionPolicy 'stanzaflow-exec'") == want {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

// testMutations: whatever the builders make passes, and nothing that is close.
func testMutations(t *testing.T, s *server) {
	const seed = 20260301
	random := rand.New(rand.NewPCG(seed, seed))
	for range 300 {
		argv := randomCommand(random)
		if err := s.exec(t, exec{argv: argv}); !admitted(err) {
			t.Errorf("%q: %v", argv, err)
		}
		mutant := mutate(random, argv)
		if err := s.exec(t, exec{argv: mutant}); !refusedBy(err, "stanzaflow-exec") {
			t.Errorf("%q, made of %q: %v", mutant, argv, err)
		}
	}
}

// randomCommand is one that a step could start.
func randomCommand(random *rand.Rand) []string {
	digits := func(format string, n ...any) string {
		for i := range n {
			n[i] = random.IntN(n[i].(int))
		}
		return fmt.Sprintf(format, n...)
	}
	stanza, repo := vocab.PgBackRestStanza, 1+random.IntN(4)
	uid := digits("%08x-%04x-4%03x-a%03x-%012x", 1<<32, 1<<16, 1<<12, 1<<12, 1<<48)
	label := digits("2026%02d%02d-%06d", 12, 31, 1_000_000) + "F"
	if random.IntN(2) == 0 {
		label += "_" + digits("2026%02d%02d-%06d", 12, 31, 1_000_000) + []string{"D", "I"}[random.IntN(2)]
	}
	commands := []func() ([]string, error){
		func() ([]string, error) { return pgbackrest.VersionCommand(), nil },
		func() ([]string, error) { return pgbackrest.InfoCommand(stanza, random.IntN(5)) },
		func() ([]string, error) { return pgbackrest.StanzaCreateCommand(stanza) },
		func() ([]string, error) { return pgbackrest.StanzaUpgradeCommand(stanza) },
		func() ([]string, error) { return pgbackrest.CheckCommand(stanza) },
		func() ([]string, error) { return restorePointArgv("p" + uid), nil },
		func() ([]string, error) {
			return pgbackrest.BackupCommand(pgbackrest.BackupOptions{
				Stanza: stanza, Repo: repo, Type: []string{cpo.Full, cpo.Diff, cpo.Incr}[random.IntN(3)],
				StartFast: random.IntN(2) == 0, Annotations: map[string]string{vocab.BackupAnnotation: uid},
			})
		},
		func() ([]string, error) { return pgbackrest.ExpireCommand(stanza, repo) },
		func() ([]string, error) { return pgbackrest.VerifyCommand(stanza, repo, label) },
		func() ([]string, error) { return pgbackrest.RepoFilesCommand(repo, "backup/"+stanza+"/"+label) },
		func() ([]string, error) {
			return pgbackrest.RepoLSCommand(repo, "archive/"+stanza+"/"+digits("1%d-%d/%08X%08X", 9, 9, 1<<32, 1<<32))
		},
		func() ([]string, error) { return pgbackrest.TerminateCommand(vocab.BackupAnnotation, uid) },
		func() ([]string, error) {
			return remote.PsqlCommand([]string{remote.PostgresStatement, remote.BackupSessionsStatement}[random.IntN(2)]), nil
		},
	}
	return must(commands[random.IntN(len(commands))]())
}

// mutate makes a command that no step starts.
func mutate(random *rand.Rand, argv []string) []string {
	argv = slices.Clone(argv)
	i := random.IntN(len(argv))
	switch random.IntN(5) {
	case 0:
		if argument := argv[i]; argument == "--start-fast" || argument == "--recurse" || strings.HasPrefix(argument, "--repo=") {
			return append(argv, argument)
		}
		return slices.Delete(argv, i, i+1)
	case 1:
		return slices.Insert(argv, i, argv[i])
	case 2:
		argv[i] += []string{" ", "\n", "\x00", ";id", "$(id)", "=", "/../x", " --config=/tmp/x"}[random.IntN(8)]
		return argv
	case 3:
		hostile := []string{"", "--", "-c", "--config=/tmp/x", "--cmd=/tmp/x", "--repo1-path=/", "--pg1-path=/", "--no-online", "--log-path=/", "--stanza=x"}
		return slices.Insert(argv, i, hostile[random.IntN(len(hostile))])
	default:
		argv[i] = []string{"", "sh", "restore", "--force", "--stanza=x", "../x"}[random.IntN(6)]
		return argv
	}
}
