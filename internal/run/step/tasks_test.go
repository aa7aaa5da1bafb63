// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// newDAG returns a run in the form dag. Its pods are played as Argo does by the template:
// test/conformance shows that.
func newDAG(w *runtest.World) *pod {
	w.T.Helper()
	p := newPod(w)
	p.parameters.Form = string(vocab.FormDAG)
	return p
}

// inEachForm does a test in each form of a run.
func inEachForm(t *testing.T, test func(t *testing.T, newPod func(*runtest.World) *pod)) {
	t.Helper()
	for form, newPod := range map[vocab.RunForm]func(*runtest.World) *pod{
		vocab.FormPod: newPod, vocab.FormDAG: newDAG, vocab.FormCompact: newCompact,
	} {
		t.Run(string(form), func(t *testing.T) { test(t, newPod) })
	}
}

// startTask makes the workspace of the next pod of a step. Argo has put into it the report
// of the task before, and what precheck has found.
func (p *pod) startTask(name string) {
	p.T.Helper()
	dir := p.T.TempDir()
	before := map[string][]string{stepBackup: {stepPrecheck}, stepExpire: {stepBackup}, stepVerify: {stepExpire, stepBackup}}[name]
	for _, task := range before {
		if p.pass(task, fileReport, dir) {
			break
		}
	}
	if len(before) > 0 {
		p.pass(stepPrecheck, filePrecheck, dir)
	}
	p.env.Workspace, p.env.TerminationLog = Workspace(dir), filepath.Join(dir, "termination-log")
	p.left[name] = p.env.Workspace
}

// pass copies an output of a task. It reports whether there is one.
func (p *pod) pass(task, file, dir string) bool {
	p.T.Helper()
	from, ok := p.left[task]
	if !ok {
		return false
	}
	b, err := os.ReadFile(from.path(file))
	if err != nil {
		return false
	}
	if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
		p.T.Fatal(err)
	}
	return true
}

// loses plays a pod of a step that was lost with its node: Argo has no output of it.
func (p *pod) loses(name string) { delete(p.left, name) }

// runTasks does tasks in their order, each in as many pods as it takes. After an expire
// that failed comes verify all the same.
func (p *pod) runTasks(names ...string) int {
	p.T.Helper()
	code := 0
	for _, name := range names {
		if name == stepBegin {
			continue
		}
		if code != 0 && name != stepVerify {
			return code
		}
		code = p.runTask(name)
		if code != 0 && name != stepExpire {
			return code
		}
	}
	return code
}

// runTask does one task. Another pod tries again unless a person must act.
func (p *pod) runTask(name string) int {
	p.T.Helper()
	for p.parameters.Retries = 0; ; p.parameters.Retries++ {
		code := p.step(p.T.Context(), name)
		if code == 0 || code == ExitStop || p.parameters.Retries+1 >= p.parameters.Attempts {
			return code
		}
	}
}

// attempts is how often the report says that a step was tried.
func (p *pod) attempts(name string) int {
	p.T.Helper()
	for _, s := range p.report().Steps {
		if s.Name == name {
			return s.Attempts
		}
	}
	return 0
}
