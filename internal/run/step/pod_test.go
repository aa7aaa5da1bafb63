// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// pod is the pod of one run in a world, or in the form dag one pod after the other.
type pod struct {
	*runtest.World
	env        Env
	parameters Parameters
	log        *safeBuffer
	// left are the workspaces of the newest pod of each step, in the form dag.
	left map[string]Workspace
	// compact means that one process does the steps.
	compact bool
}

// backupSteps are those of a run that makes a backup.
var backupSteps = stepsOf[vocab.RunBackup]

func newPod(w *runtest.World) *pod {
	w.T.Helper()
	dir, log := w.T.TempDir(), &safeBuffer{}
	return &pod{
		World: w, log: log, left: map[string]Workspace{},
		env: Env{
			Finder: w, Workflows: w, Executor: w, Servers: w, Clock: w.Clock, Log: log, Workspace: Workspace(dir), Poll: 2 * time.Second,
			TerminationLog: filepath.Join(dir, "termination-log"),
		},
		parameters: Parameters{
			Kind: string(vocab.RunBackup), Namespace: runtest.Namespace, Cluster: runtest.Cluster, Repo: "repo1", Type: cpo.Full, Trigger: "schedule",
			Workflow: runtest.Workflow, Run: runtest.Run, Attempts: 3, Backoff: time.Microsecond, Verify: "10Gi",
		},
	}
}

// newCompact returns a run in the form compact.
func newCompact(w *runtest.World) *pod {
	w.T.Helper()
	p := newPod(w)
	p.compact = true
	return p
}

// run does steps in their order, as containers that depend on each other: the
// first that fails is the last. It returns the exit code of the last.
func (p *pod) run(names ...string) int {
	p.T.Helper()
	switch {
	case p.parameters.Form == string(vocab.FormDAG):
		return p.runTasks(names...)
	case p.compact:
		return RunAll(p.T.Context(), names, p.env, p.parameters)
	}
	for _, name := range names {
		if code := p.step(p.T.Context(), name); code != 0 {
			return code
		}
	}
	return 0
}

// makeWorld makes the world of runtest.New, or another one, and changes it.
func makeWorld(t *testing.T, other func(*testing.T) *runtest.World, change func(*runtest.World)) *runtest.World {
	t.Helper()
	if other == nil {
		other = runtest.New
	}
	w := other(t)
	change(w)
	return w
}

// step does one step. Only begin gets the parameters, unless all steps are one process.
func (p *pod) step(ctx context.Context, name string) int {
	if p.parameters.Form == string(vocab.FormDAG) {
		p.startTask(name)
		return Run(ctx, name, p.env, p.parameters)
	}
	parameters := Parameters{}
	if p.compact || name == backupSteps[0] {
		parameters = p.parameters
	}
	return Run(ctx, name, p.env, parameters)
}

// mustRun is run for the steps before the one in question.
func (p *pod) mustRun(names ...string) {
	p.T.Helper()
	if code := p.run(names...); code != 0 {
		p.T.Fatalf("exit code %d of one of %v\n%s", code, names, p.log)
	}
}

// stoppedDuring is a context that ends when a command is called, or at once if none
// is named.
func (p *pod) stoppedDuring(command string) context.Context {
	ctx, cancel := context.WithCancel(p.T.Context())
	if command == "" {
		cancel()
		return ctx
	}
	p.On(command, func(context.Context, runtest.Call) error {
		cancel()
		return ctx.Err()
	})
	return ctx
}

func (p *pod) report() report.Report {
	p.T.Helper()
	r, err := report.Decode(p.file(fileReport))
	if err != nil {
		p.T.Fatal(err)
	}
	return r
}

func (p *pod) file(name string) string {
	p.T.Helper()
	b, err := os.ReadFile(p.env.Workspace.path(name))
	if err != nil {
		p.T.Fatal(err)
	}
	return string(b)
}

// wantFailure checks that a step ended with the code, and that the report, the
// termination message and the log all say why, in every one of the words.
func (p *pod) wantFailure(code, wantCode int, wantStep string, wantResult stanzaflowv1alpha1.RunResult, words ...string) {
	p.T.Helper()
	if code != wantCode {
		p.T.Errorf("exit code %d, want %d", code, wantCode)
	}
	r := p.report()
	if r.Step != wantStep || r.Result != wantResult || r.Backup != nil {
		p.T.Errorf("report says step %q, result %q, backup %v; want step %q, result %q and no backup", r.Step, r.Result, r.Backup, wantStep, wantResult)
	}
	termination := p.file("termination-log")
	if want := string(wantResult) + ": " + r.Message + "\nrunbook: " + failure.Runbook(wantStep, r.Code); termination != want {
		p.T.Errorf("termination message %q, want %q", termination, want)
	}
	for _, word := range words {
		if !strings.Contains(r.Message, word) {
			p.T.Errorf("message %q does not say %q", r.Message, word)
		}
	}
	if !strings.Contains(p.log.String(), r.Message) {
		p.T.Errorf("the log does not say %q:\n%s", r.Message, p.log)
	}
	if label := p.file(vocab.OutputLabel); label != "" {
		p.T.Errorf("output label is %q, want none", label)
	}
	if strings.ContainsAny(r.Message, "\n\r") || len(r.Message) > report.MaxMessage || strings.HasSuffix(r.Message, ".") {
		p.T.Errorf("message is not one clause: %q", r.Message)
	}
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
