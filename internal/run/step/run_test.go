// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestRunProvesABackup(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		w := runtest.New(t)
		w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-24 * time.Hour)})
		w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-30 * time.Hour), Error: true})
		w.List(runtest.Backup{Type: cpo.Full, RepoKey: 2, Stop: runtest.Start.Add(-48 * time.Hour)})
		w.Clock.Step(time.Hour)
		p := newPod(w)
		if code := p.run(backupSteps...); code != 0 {
			t.Fatalf("exit code %d\n%s", code, p.log)
		}

		at := runtest.Start.Add(time.Hour)
		steps := []report.Step{
			{Name: "begin", Start: at, Attempts: 1},
			{Name: "precheck", Start: at, Attempts: 1},
			{Name: "backup", Start: at, Attempts: 1},
			{Name: "expire", Start: at, Attempts: 1},
			{Name: "verify", Start: at, Attempts: 1},
		}
		if p.parameters.Form != "" {
			steps = steps[1:]
		}
		want := report.Report{
			Result: stanzaflowv1alpha1.RunSucceeded, Step: "verify",
			Kind: vocab.RunBackup, Run: runtest.Run, Cluster: runtest.Cluster, Repo: "repo1", Type: cpo.Full, Trigger: "schedule",
			Backup: &report.Backup{
				Label: "20260301-020000F", Type: cpo.Full, Start: at, Stop: at, DatabaseBytes: 22992758, RepoDeltaBytes: 4534133,
				LSNStart: "0/2000028", LSNStop: "0/3000050",
				WALStart: "000000010000000000000008", WALStop: "000000010000000000000009", WALSegments: 2, PgBackRest: "2.55.1",
				OldestInRepo: runtest.Start.Add(-24 * time.Hour), BackupsInRepo: 3, FullsInRepo: 3,
				Storage: "s3", Location: "s3://backups/orders", Cipher: "aes-256-cbc",
				Verified: stanzaflowv1alpha1.VerifiedContents,
			},
			Heartbeat: heartbeatAt(at),
			Retention: &report.Retention{},
			Steps:     steps,
		}
		if diff := cmp.Diff(want, p.report()); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		if got := p.file(vocab.OutputLabel); got != "20260301-020000F" {
			t.Errorf("label %q", got)
		}
		if got := p.file(outputRetention); got != "Succeeded" {
			t.Errorf("retention %q", got)
		}
		if got := p.file(fileLog); p.parameters.Form == "" && (!strings.Contains(got, "new backup label = 20260301-020000F") || !strings.Contains(got, "expire command end")) {
			t.Errorf("the log of the run lacks what pgBackRest said:\n%s", got)
		}
		if got := p.log.String(); !strings.Contains(got, "PROVEN: full backup 20260301-020000F of postgresql shop/orders in repo1") {
			t.Errorf("log:\n%s", got)
		}
		if _, err := os.Stat(p.env.TerminationLog); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a run that succeeds has a termination message: %v", err)
		}

		backups := w.Issued("backup")
		if len(backups) != 1 {
			t.Fatalf("%d backup commands, want 1", len(backups))
		}
		if want := (remote.Place{Namespace: runtest.Namespace, Pod: runtest.PrimaryPod, Container: cpo.ContainerPostgreSQL}); backups[0].At != want {
			t.Errorf("backup ran in %s, want %s", backups[0].At, want)
		}
		argv := strings.Join(backups[0].Argv, " ")
		for _, want := range []string{
			"pgbackrest backup --stanza=db ", " --repo=1 ", " --type=full ", " --no-expire-auto ", " --archive-check ", " --reset-checksum-page ", " --reset-exclude ", " --start-fast ",
			" --annotation=" + vocab.BackupAnnotation + "=" + runtest.Run + " ",
		} {
			if !strings.Contains(argv, want) {
				t.Errorf("backup command %q lacks %q", argv, want)
			}
		}
		expires := w.Issued("expire")
		if len(expires) != 1 || !strings.Contains(strings.Join(expires[0].Argv, " "), "--repo=1") {
			t.Errorf("expire commands %v, want one for repo1", expires)
		}
	})
}

func TestRunLeavesStartFastToTheUser(t *testing.T) {
	w := runtest.New(t)
	w.Cluster.PgBackRest.Global["start-fast"] = "n"
	w.Project()
	p := newPod(w)
	p.mustRun(backupSteps...)
	if argv := w.Issued("backup")[0].Argv; strings.Contains(strings.Join(argv, " "), "start-fast") {
		t.Errorf("backup command %q, want no --start-fast", argv)
	}
}

func TestRunStepsNeedTheirOrder(t *testing.T) {
	for _, name := range backupSteps[1:] {
		t.Run(name, func(t *testing.T) {
			p := newPod(runtest.New(t))
			code := p.step(t.Context(), name)
			p.wantFailure(code, ExitStop, name, stanzaflowv1alpha1.RunFailed, "begin has left nothing in the workspace")
			if len(p.Calls) > 0 {
				t.Errorf("commands ran: %v", p.Calls)
			}
		})
	}
	for _, name := range []string{"backup", "verify"} {
		t.Run(name+" without precheck", func(t *testing.T) {
			p := newPod(runtest.New(t))
			p.mustRun("begin")
			p.wantFailure(p.run(name), ExitStop, name, stanzaflowv1alpha1.RunFailed, "precheck has left nothing in the workspace")
		})
	}
}

func TestRunRefusesAnUnreadableWorkspace(t *testing.T) {
	for name, tc := range map[string]struct{ file, content string }{
		"options":                          {fileOptions, `[]`},
		"plan":                             {filePrecheck, `{"repo":"one"}`},
		"report":                           {fileReport, `{"result":`},
		"report that says Succeeded alone": {fileReport, `{"result":"Succeeded"}`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(runtest.New(t))
			p.mustRun("begin", "precheck")
			if err := os.WriteFile(p.env.Workspace.path(tc.file), []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			p.wantFailure(p.run("backup"), ExitGaveUp, "backup", stanzaflowv1alpha1.RunFailed, "cannot read")
			if r := p.report(); tc.file != fileOptions && (r.Run != runtest.Run || r.Cluster != runtest.Cluster) {
				t.Errorf("the new report does not name the run: %+v", r)
			}
			if len(p.Issued("backup")) > 0 {
				t.Error("a backup was started")
			}
		})
	}
	t.Run("no report", func(t *testing.T) {
		p := newPod(runtest.New(t))
		p.mustRun("begin", "precheck")
		if err := os.Remove(p.env.Workspace.path(fileReport)); err != nil {
			t.Fatal(err)
		}
		p.wantFailure(p.run("backup"), ExitGaveUp, "backup", stanzaflowv1alpha1.RunFailed, "cannot read the report of the run")
	})
}

func TestRunUnknownStep(t *testing.T) {
	p := newPod(runtest.New(t))
	p.wantFailure(p.step(t.Context(), "restore"), ExitStop, "restore", stanzaflowv1alpha1.RunFailed, `there is no step "restore"`)
}

// TestRunThatIsKilledHasProvenNothing: a kill leaves what the step before wrote.
func TestRunThatIsKilledHasProvenNothing(t *testing.T) {
	for _, name := range backupSteps[1:] {
		p := newPod(runtest.New(t))
		p.mustRun(stepsBefore(name)...)
		r := p.report()
		if r.Result != stanzaflowv1alpha1.RunUnknown || r.Message == "" || r.Run != runtest.Run || r.Backup != nil {
			t.Errorf("killed in %s, the report is %+v, want Unknown with a message", name, r)
		}
		if label := p.file(vocab.OutputLabel); label != "" {
			t.Errorf("killed in %s, the label is %q", name, label)
		}
	}
}

// stepsBefore are the steps before the one of that name.
func stepsBefore(name string) []string { return backupSteps[:slices.Index(backupSteps, name)] }

// TestRunStopped stops each step before and while it works.
func TestRunStopped(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for _, tc := range []struct{ step, during string }{
			{"precheck", ""},
			{"precheck", "version"},
			{"precheck", "psql"},
			{"precheck", "info"},
			{"backup", ""},
			{"backup", "psql"},
			{"backup", "info"},
			{"backup", "backup"},
			{"expire", ""},
			{"expire", "expire"},
			{"verify", ""},
			{"verify", "info"},
			{"verify", "repo-ls"},
		} {
			t.Run(tc.step+" "+tc.during, func(t *testing.T) {
				p := newPod(runtest.New(t))
				p.mustRun(stepsBefore(tc.step)...)
				ctx := p.stoppedDuring(tc.during)
				code := p.step(ctx, tc.step)
				if p.parameters.Form != "" && tc.step == "expire" {
					p.wantRetentionFailure(code, ExitStopped, "the step was stopped before it ended: ", "canceled", runtest.Cluster)
					return
				}
				p.wantFailure(code, ExitStopped, tc.step, stanzaflowv1alpha1.RunFailed,
					"the step was stopped before it ended: ", "canceled", runtest.Cluster)
			})
		}
	})
}

func TestRunStoppedBetweenTwoAttemptsSaysWhyItTried(t *testing.T) {
	p := newPod(runtest.New(t))
	p.parameters.Backoff = time.Hour
	p.mustRun("begin", "precheck")
	ctx, cancel := context.WithCancel(t.Context())
	p.On("backup", runtest.FailsAs(t, "pg: wrong port"))
	// The step says that it waits, and is stopped while it does.
	p.env.Log = io.MultiWriter(p.log, writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("failed, next in")) {
			cancel()
		}
		return len(b), nil
	}))
	p.wantFailure(p.step(ctx, "backup"), ExitStopped, "backup", stanzaflowv1alpha1.RunFailed,
		"stopped before it ended: pgbackrest backup failed in shop/orders-0 (postgres): [056] db-connect")
	if r := p.report(); r.Code != 56 {
		t.Errorf("code %d, want 56", r.Code)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestRunStoppedStillStops: what only a person can fix stays that.
func TestRunStoppedStillStops(t *testing.T) {
	p := newPod(runtest.New(t))
	p.mustRun("begin", "precheck")
	ctx, cancel := context.WithCancel(t.Context())
	p.On("backup", func(ctx context.Context, c runtest.Call) error {
		cancel()
		return runtest.FailsAs(t, "stop file: backup")(ctx, c)
	})
	p.wantFailure(p.step(ctx, "backup"), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "[062] stop")
}

func TestRunWithoutPlaceForItsMessages(t *testing.T) {
	p := newPod(runtest.New(t))
	p.env.TerminationLog = filepath.Join(t.TempDir(), "gone", "termination-log")
	p.parameters.Cluster = ""
	if code := p.run("begin"); code != ExitStop {
		t.Errorf("exit code %d, want %d", code, ExitStop)
	}
	if !strings.Contains(p.log.String(), "cannot write the termination message") {
		t.Errorf("log:\n%s", p.log)
	}

	p = newPod(runtest.New(t))
	p.env.Workspace = Workspace(filepath.Join(t.TempDir(), "gone"))
	if code := p.run("begin"); code != ExitGaveUp {
		t.Errorf("exit code %d, want %d", code, ExitGaveUp)
	}
	if b, err := os.ReadFile(p.env.TerminationLog); err != nil || !strings.Contains(string(b), "cannot write to the workspace") {
		t.Errorf("termination message %q, %v", b, err)
	}
}

func TestBegin(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Parameters)
		want   string
	}{
		"no cluster":                     {func(o *Parameters) { o.Cluster = "" }, "parameter cluster is empty"},
		"no repo":                        {func(o *Parameters) { o.Repo = "" }, `parameter repo is ""`},
		"repo5":                          {func(o *Parameters) { o.Repo = "repo5" }, "must be repo1, repo2, repo3 or repo4"},
		"unknown type":                   {func(o *Parameters) { o.Type = "weekly" }, `parameter type is "weekly", must be full, diff or incr`},
		"no type":                        {func(o *Parameters) { o.Type = "" }, `parameter type is ""`},
		"no attempts":                    {func(o *Parameters) { o.Attempts = 0 }, "parameter attempts is 0, must be at least 1"},
		"negative backoff":               {func(o *Parameters) { o.Backoff = -time.Second }, "parameter backoff is -1s"},
		"no run":                         {func(o *Parameters) { o.Run = "" }, `run ""`},
		"no Workflow":                    {func(o *Parameters) { o.Workflow = "" }, `workflow ""`},
		"no time":                        {func(o *Parameters) { o.Created = "today" }, `--created is "today", must be a time such as`},
		"no limit":                       {func(o *Parameters) { o.Created, o.Limit = "2026-03-01T01:00:00Z", 0 }, "parameter limit is 0s, must be more than 0"},
		"no size":                        {func(o *Parameters) { o.Verify = "much" }, `parameter verify is "much", must be a size such as 10Gi`},
		"negative size":                  {func(o *Parameters) { o.Verify = "-1Gi" }, `parameter verify is "-1Gi"`},
		"no namespace":                   {func(o *Parameters) { o.Namespace = "" }, `namespace is ""`},
		"no kind":                        {func(o *Parameters) { o.Kind = "" }, `--kind is "", must be backup, predeploy or stanza`},
		"a kind of later":                {func(o *Parameters) { o.Kind = "drill" }, `--kind is "drill"`},
		"a backup that makes none":       {func(o *Parameters) { o.OnlyReuse = true }, "--only-reuse is for --kind=predeploy, the kind is backup"},
		"negative age":                   {predeploy(func(o *Parameters) { o.MaxAge = -time.Second }), "parameter max-age is -1s, must not be negative; 0s always makes a backup"},
		"no name of a restore point":     {predeploy(func(o *Parameters) { o.RestorePoint = "" }), `parameter restore-point is "", must be 1 to 42 letters, digits, dots, underscores and hyphens`},
		"a long name of a restore point": {predeploy(func(o *Parameters) { o.RestorePoint = strings.Repeat("x", 43) }), "parameter restore-point is"},
		"a statement in its name":        {predeploy(func(o *Parameters) { o.RestorePoint = "x'); DROP DATABASE shop; --" }), "parameter restore-point is"},
		"a name that is an option":       {predeploy(func(o *Parameters) { o.RestorePoint = "--help" }), "begin with a letter or digit"},
		"a name of two lines":            {predeploy(func(o *Parameters) { o.RestorePoint = "x\n" }), "parameter restore-point is"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(runtest.New(t))
			tc.change(&p.parameters)
			p.wantFailure(p.run("begin"), ExitStop, "begin", stanzaflowv1alpha1.RunFailed, tc.want)
			if _, err := os.Stat(p.env.Workspace.path(fileOptions)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("options are left for the next step: %v", err)
			}
		})
	}
}

// predeploy changes the parameters of a pre-deploy run that are right.
func predeploy(change func(*Parameters)) func(*Parameters) {
	return func(o *Parameters) {
		o.Kind, o.MaxAge, o.RestorePoint = string(vocab.RunPredeploy), 15*time.Minute, "release"
		change(o)
	}
}

// TestRunHasOnlyItsSteps: a container of another template proves nothing.
func TestRunHasOnlyItsSteps(t *testing.T) {
	for _, tc := range []struct {
		kind vocab.RunKind
		step string
	}{
		{vocab.RunBackup, "restore-point"}, {vocab.RunStanza, "backup"}, {vocab.RunStanza, "verify"}, {vocab.RunStanza, "restore-point"},
	} {
		p := newPod(runtest.New(t))
		p.parameters.Kind = string(tc.kind)
		p.mustRun("begin", "precheck")
		p.wantFailure(p.step(t.Context(), tc.step), ExitStop, tc.step, stanzaflowv1alpha1.RunFailed,
			"a run of the kind "+string(tc.kind)+" has no step "+tc.step+": its steps are begin, precheck")
	}
	p := newMakePod(runtest.New(t))
	p.parameters.OnlyReuse = true
	p.mustRun("begin", "precheck")
	for _, name := range []string{"backup", "expire", "verify"} {
		p.wantFailure(p.step(t.Context(), name), ExitStop, name, stanzaflowv1alpha1.RunFailed, "has no step "+name+": its steps are begin, precheck, restore-point")
	}
}

// TestBeginInAnotherPod: an attempt must not inherit the report of one before.
func TestBeginInAnotherPod(t *testing.T) {
	p := newPod(runtest.New(t))
	p.mustRun(backupSteps...)
	p.mustRun("begin")
	want := report.Report{
		Result: stanzaflowv1alpha1.RunUnknown, Step: "begin", Message: "the run ended before it could say how",
		Kind: vocab.RunBackup, Run: runtest.Run, Cluster: runtest.Cluster, Repo: "repo1", Type: cpo.Full, Trigger: "schedule",
		Steps: []report.Step{{Name: "begin", Start: runtest.Start, Attempts: 1}},
	}
	if diff := cmp.Diff(want, p.report()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if label := p.file(vocab.OutputLabel); label != "" {
		t.Errorf("label %q", label)
	}
}

// TestRunShowsNoSecrets plants credentials where the steps read and checks that
// they are in nothing that the steps write.
func TestRunShowsNoSecrets(t *testing.T) {
	const secret = "hunter2"
	t.Setenv("PGBACKREST_REPO1_S3_KEY_SECRET", secret)
	w := runtest.New(t)
	w.Cluster.PgBackRest.Global["repo1-s3-key-secret"] = secret
	w.Declare()
	// The operator keeps an older configuration then.
	w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = "[global]\nrepo1-cipher-type=aes-256-cbc\nrepo1-s3-bucket=backups\n"
	redacted := "P00   INFO: backup command begin 2.55.1: --repo1-s3-key=<redacted> --repo1-s3-key-secret=<redacted>"
	w.On("backup",
		func(ctx context.Context, c runtest.Call) error {
			_ = c.Print(redacted + "\n")
			return runtest.FailsAs(t, "pg: wrong port")(ctx, c)
		},
		runtest.FailsAs(t, "pg: wrong port"), runtest.FailsAs(t, "pg: wrong port"))
	failed := newPod(w)
	if code := failed.run(backupSteps...); code != ExitGaveUp {
		t.Fatalf("exit code %d\n%s", code, failed.log)
	}
	good := newPod(w)
	good.mustRun(backupSteps...)
	stale := newPod(w)
	delete(w.Cluster.PgBackRest.Global, "repo1-s3-key-secret")
	w.Declare()
	if code := stale.run("begin", "precheck"); code != ExitGaveUp {
		t.Fatalf("exit code %d\n%s", code, stale.log)
	}

	for _, p := range []*pod{failed, good, stale} {
		texts := map[string]string{"log": p.log.String()}
		entries, err := os.ReadDir(string(p.env.Workspace))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			texts[e.Name()] = p.file(e.Name())
		}
		for name, text := range texts {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows a secret:\n%s", name, text)
			}
		}
	}
	for _, c := range w.Calls {
		if strings.Contains(strings.Join(c.Argv, " "), secret) {
			t.Errorf("the command line %q shows a secret", c.Argv)
		}
	}
	if !strings.Contains(failed.file(fileLog), redacted) {
		t.Error("the log of the run lacks what pgBackRest said of its options")
	}
}

func TestFailuresOfTheAPIServer(t *testing.T) {
	errBoom := errors.New("boom")
	for name, change := range map[string]func(*runtest.World){
		"cannot read postgresql shop/orders: boom":             func(w *runtest.World) { w.ClusterError = errBoom },
		"cannot list the pods of postgresql shop/orders: boom": func(w *runtest.World) { w.PodsError = errBoom },
		"cannot read stanza shop/orders: boom":                 func(w *runtest.World) { w.StanzaError = errBoom },
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			change(w)
			p := newPod(w)
			p.wantFailure(p.run("begin", "precheck"), ExitGaveUp, "precheck", stanzaflowv1alpha1.RunFailed, name, "(3 attempts)")
			if r := p.report(); r.Steps[1].Attempts != 3 {
				t.Errorf("%d attempts, want 3", r.Steps[1].Attempts)
			}
		})
	}
}

// brokenCommand is a command that breaks in a step, and what the step says then.
type brokenCommand struct{ step, command, want string }

// testBrokenCommand breaks each command in all attempts of its step, which gives up
// and succeeds the next time.
func testBrokenCommand(t *testing.T, broken func(*runtest.World) runtest.Script, commands []brokenCommand) {
	t.Helper()
	for _, tc := range commands {
		t.Run(tc.step+" "+tc.command, func(t *testing.T) {
			w := runtest.New(t)
			p := newPod(w)
			p.mustRun(stepsBefore(tc.step)...)
			fails := broken(w)
			w.Always(tc.command, fails)
			p.wantFailure(p.run(tc.step), ExitGaveUp, tc.step, stanzaflowv1alpha1.RunFailed, tc.want, "(3 attempts)")
			delete(w.Scripts, tc.command)
			if code := p.run(tc.step); code != 0 {
				t.Errorf("exit code %d when the command works again", code)
			}
		})
	}
}

func TestStreamsThatBreak(t *testing.T) {
	testBrokenCommand(t, func(_ *runtest.World) runtest.Script {
		return func(context.Context, runtest.Call) error { return io.ErrUnexpectedEOF }
	}, []brokenCommand{
		{"precheck", "version", "cannot run pgBackRest in shop/orders-0 (postgres): unexpected EOF"},
		{"precheck", "psql", "cannot query PostgreSQL in shop/orders-0 (postgres): unexpected EOF"},
		{"precheck", "info", "lost the stream of pgbackrest info in shop/orders-0 (postgres): unexpected EOF"},
		{"verify", "repo-ls", "lost the stream of pgbackrest repo-ls in shop/orders-0 (postgres): unexpected EOF"},
	})
}

func TestAnswersThatCannotBeRead(t *testing.T) {
	testBrokenCommand(t, func(_ *runtest.World) runtest.Script {
		return func(_ context.Context, c runtest.Call) error { return c.Print("Defaulted container") }
	}, []brokenCommand{
		{"precheck", "psql", "cannot read the answer of PostgreSQL in shop/orders-0 (postgres)"},
		{"precheck", "info", "in shop/orders-0 (postgres): cannot read the output of pgbackrest info"},
		{"backup", "psql", "cannot read the answer of PostgreSQL in shop/orders-0 (postgres)"},
		{"verify", "repo-ls", "in shop/orders-0 (postgres): cannot read the output of pgbackrest repo-ls"},
	})
}
