// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestCompactEndsAsThePodDoes: with the same exit code, and the same files for Argo, for
// Kubernetes and for the operator, whatever happens in whichever step.
func TestCompactEndsAsThePodDoes(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*pod)
		code   int
	}{
		"proven":                        {func(*pod) {}, 0},
		"begin refuses":                 {func(p *pod) { p.parameters.Repo = "repo9" }, ExitStop},
		"begin is not passed a kind":    {func(p *pod) { p.parameters.Kind = "" }, ExitStop},
		"precheck is held":              {func(p *pod) { p.StanzaObject.Spec.Gate = "false" }, ExitStop},
		"precheck gives up":             {func(p *pod) { p.Always("version", runtest.Fails(49, "P00  ERROR: [049]: unable to connect")) }, ExitGaveUp},
		"precheck needs three attempts": {func(p *pod) { p.On("check", runtest.Fails(82, "ERROR: [082]"), runtest.Fails(82, "ERROR: [082]")) }, 0},
		"backup gives up": {func(p *pod) {
			p.Always("backup", runtest.Fails(56, "P00  ERROR: [056]: unable to find primary cluster"))
		}, ExitGaveUp},
		"backup needs a person":   {func(p *pod) { p.On("backup", runtest.FailsAs(p.T, "stop file: backup")) }, ExitStop},
		"backup loses its stream": {func(p *pod) { p.On("backup", runtest.OutlivesStream(p.World, 3)) }, 0},
		"expire fails":            {func(p *pod) { p.Always("expire", runtest.Fails(49, "P00  ERROR: [049]: unable to connect")) }, 0},
		"verify does not prove":   {func(p *pod) { p.On("expire", runtest.Does(func() { p.Backups[0].Error = true })) }, ExitStop},
		"verify gives up":         {func(p *pod) { p.Always("repo-ls", runtest.Fails(49, "P00  ERROR: [049]: unable to connect")) }, ExitGaveUp},
	} {
		t.Run(name, func(t *testing.T) {
			ran := map[vocab.RunForm]*pod{}
			for form, newPod := range map[vocab.RunForm]func(*runtest.World) *pod{vocab.FormPod: newPod, vocab.FormCompact: newCompact} {
				p := newPod(runtest.New(t))
				tc.change(p)
				if code := p.run(backupSteps...); code != tc.code {
					t.Fatalf("form %s: exit code %d, want %d\n%s", form, code, tc.code, p.log)
				}
				ran[form] = p
			}
			if diff := cmp.Diff(ran[vocab.FormPod].workspaceFiles(), ran[vocab.FormCompact].workspaceFiles()); diff != "" {
				t.Errorf("files in the workspace (-pod +compact):\n%s", diff)
			}
			if diff := cmp.Diff(ran[vocab.FormPod].commands(), ran[vocab.FormCompact].commands()); diff != "" {
				t.Errorf("commands (-pod +compact):\n%s", diff)
			}
		})
	}
}

// workspaceFiles are the files of the workspace, the termination message among them.
func (p *pod) workspaceFiles() map[string]string {
	p.T.Helper()
	names, err := filepath.Glob(p.env.Workspace.path("*"))
	if err != nil || len(names) == 0 {
		p.T.Fatalf("the workspace has no files: %v", err)
	}
	files := map[string]string{}
	for _, name := range names {
		files[filepath.Base(name)] = p.file(filepath.Base(name))
	}
	return files
}

func (p *pod) commands() (lines []string) {
	for _, c := range p.Calls {
		lines = append(lines, strings.Join(c.Argv, " "))
	}
	return lines
}

// TestCompactSaysWhichStep: one log has all steps, each with a line where it begins.
func TestCompactSaysWhichStep(t *testing.T) {
	p := newCompact(runtest.New(t))
	p.mustRun(backupSteps...)
	var begun []string
	for line := range strings.Lines(p.log.String()) {
		if _, name, ok := strings.Cut(line, "Z step "); ok {
			begun = append(begun, strings.TrimSpace(name))
		}
	}
	if diff := cmp.Diff(backupSteps, begun); diff != "" {
		t.Errorf("steps in the log (-want +got):\n%s\n%s", diff, p.log)
	}
}

// TestCompactIsStopped: SIGTERM ends the process in whichever step it comes. After argo stop
// the backup is ended; a drained node leaves it to another pod. No later step begins.
func TestCompactIsStopped(t *testing.T) {
	for name, tc := range map[string]struct {
		during, by string
		code       int
		step       string
		event      string
	}{
		"argo stop in precheck":        {"check", "argo stop", ExitStop, "precheck", vocab.EventNoBackup},
		"argo terminate in backup":     {"backup", "argo terminate", ExitStop, "backup", vocab.EventBackupEnded},
		"argo stop in expire":          {"expire", "argo stop", ExitStop, "expire", vocab.EventBackupNotVerified},
		"the Workflow is deleted":      {"verify", "its Workflow is deleted", ExitStop, "verify", vocab.EventBackupNotVerified},
		"the node is drained":          {"backup", "", ExitStopped, "backup", ""},
		"the node is drained in check": {"check", "", ExitStopped, "precheck", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newCompact(runtest.New(t))
			p.CancelledBy = tc.by
			ctx, cancel := context.WithCancel(t.Context())
			p.On(tc.during, func(context.Context, runtest.Call) error {
				if tc.during == "backup" {
					p.Running[atPrimary], p.Lock = 1, true
				}
				cancel()
				return ctx.Err()
			})
			code := RunAll(ctx, backupSteps, p.env, p.parameters)
			p.wantFailure(code, tc.code, tc.step, stanzaflowv1alpha1.RunFailed, tc.by)
			if tc.event != "" {
				p.wantTold(tc.event)
			} else if len(p.Events) > 0 {
				t.Errorf("events %q of a run that another pod continues", p.Events)
			}
			if at := slices.Index(backupSteps, tc.step); strings.Contains(p.log.String(), "Z step "+append(backupSteps, "none")[at+1]) {
				t.Errorf("another step began after %s:\n%s", tc.step, p.log)
			}
		})
	}
}

// TestCompactIsDrainedBetweenSteps: the step that is done exits with 0 in the form pod. Here
// the next one begins, does nothing, and leaves the run to another pod, which starts no
// second backup.
func TestCompactIsDrainedBetweenSteps(t *testing.T) {
	w := runtest.New(t)
	p := newCompact(w)
	ctx, cancel := context.WithCancel(t.Context())
	w.On("backup", runtest.Does(cancel))
	code := RunAll(ctx, backupSteps, p.env, p.parameters)
	p.wantFailure(code, ExitStopped, "expire", stanzaflowv1alpha1.RunFailed, "the step was stopped before it ended")
	if len(w.Issued("expire")) > 0 {
		t.Error("expire ran in a pod that has to go")
	}

	p.env.Workspace = Workspace(t.TempDir())
	p.env.TerminationLog = p.env.Workspace.path("termination-log")
	p.mustRun(backupSteps...)
	if n := len(w.Issued("backup")); n != 1 {
		t.Errorf("%d backups of one run", n)
	}
	if r := p.report(); r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup == nil {
		t.Errorf("report %+v", r)
	}
}

// TestCompactIsKilled: the report that Argo publishes claims nothing, wherever that was.
func TestCompactIsKilled(t *testing.T) {
	for command, step := range map[string]string{"check": stepPrecheck, "backup": stepBackup, "expire": stepExpire, "verify": stepVerify} {
		t.Run(command, func(t *testing.T) {
			p := newCompact(runtest.New(t))
			p.On(command, func(context.Context, runtest.Call) error {
				if r := p.report(); r.Result != stanzaflowv1alpha1.RunUnknown || r.Step != step || r.Message != unknownMessage || r.Backup != nil {
					t.Errorf("while %s runs, the report says %+v", command, r)
				}
				if _, err := os.Stat(p.env.TerminationLog); err == nil {
					t.Error("there is a termination message already")
				}
				return runtest.ErrUnscripted
			})
			p.mustRun(backupSteps...)
		})
	}
}
