// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"maps"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Names of the steps, as the program knows them.
const (
	stepBegin        = "begin"
	stepPrecheck     = "precheck"
	stepBackup       = "backup"
	stepExpire       = "expire"
	stepVerify       = "verify"
	stepRestorePoint = "restore-point"
)

// entrypoint is what a run that begins there needs.
type entrypoint struct {
	name    string
	kind    vocab.RunKind
	steps   []string
	outputs []string
	// unlocked are the steps that need no mutex in a pod that has no others.
	unlocked []string
}

var entrypoints = []entrypoint{
	{
		name: vocab.EntrypointBackup, kind: vocab.RunBackup,
		steps:   []string{stepPrecheck, stepBackup, stepExpire, stepVerify},
		outputs: []string{vocab.OutputReport, vocab.OutputLabel},
	},
	{
		name: vocab.EntrypointBackupDAG, kind: vocab.RunBackup,
		steps:   []string{stepPrecheck, stepBackup, stepExpire, stepVerify},
		outputs: []string{vocab.OutputReport, vocab.OutputLabel},
	},
	{
		name: vocab.EntrypointBackupCompact, kind: vocab.RunBackup,
		steps:   []string{stepPrecheck, stepBackup, stepExpire, stepVerify},
		outputs: []string{vocab.OutputReport, vocab.OutputLabel},
	},
	{
		name: vocab.EntrypointStanza, kind: vocab.RunStanza,
		steps:   []string{stepPrecheck},
		outputs: []string{vocab.OutputReport},
	},
	{
		name: vocab.EntrypointPredeploy, kind: vocab.RunPredeploy,
		steps:    []string{stepPrecheck, stepBackup, stepExpire, stepVerify, stepRestorePoint},
		outputs:  []string{vocab.OutputReport, vocab.OutputLabel, vocab.OutputRestorePoint, vocab.OutputRestore},
		unlocked: []string{stepBegin, stepPrecheck, stepRestorePoint},
	},
}

// visit is a template that a run reaches, and which templates on the way there, itself
// included, hold the mutex.
type visit struct {
	template *wfv1.Template
	holders  []string
}

func (c *check) checkEntrypoint(e entrypoint) {
	first := c.templates[e.name]
	if first == nil {
		c.find("entrypoint %s is missing", e.name)
		return
	}
	reached := walk{check: c, seen: map[way]bool{}}
	reached.enter(first, nil)
	ran, published, kinds := map[string]bool{}, map[string]bool{}, 0
	for _, v := range reached.visits {
		c.checkOutputs(v.template, published)
		p := readPod(v.template)
		if len(p.steps) == 0 {
			continue
		}
		for _, name := range p.steps {
			ran[name] = true
		}
		kinds += c.checkBegin(e, p)
		c.checkPod(p)
		c.checkLock(e, v, p)
	}
	if kinds == 0 {
		c.find("no container below entrypoint %s begins a run with --kind=%s", e.name, e.kind)
	}
	for _, name := range e.steps {
		if !ran[name] {
			c.find("step %s is missing below entrypoint %s", name, e.name)
		}
	}
	for _, name := range e.outputs {
		if !published[name] {
			c.find("output %s is missing below entrypoint %s: no template publishes it with globalName %s", name, e.name, name)
		}
	}
}

// walk collects the templates that a run reaches. A template is visited once for each
// number of holders above it, so that no template takes long, whatever its tasks are.
type walk struct {
	check  *check
	seen   map[way]bool
	visits []visit
}

type way struct {
	name    string
	holders int
}

func (w *walk) enter(template *wfv1.Template, holders []string) {
	if holdsMutex(template.Synchronization) && len(holders) < 2 {
		holders = append(slices.Clone(holders), template.Name)
	}
	at := way{template.Name, len(holders)}
	if w.seen[at] {
		return
	}
	w.seen[at] = true
	w.visits = append(w.visits, visit{template, holders})
	for _, next := range w.check.below(template) {
		w.enter(next, holders)
	}
}

// below returns the templates of this WorkflowTemplate that a DAG or a list of steps
// runs.
func (c *check) below(template *wfv1.Template) []*wfv1.Template {
	found := map[string]*wfv1.Template{}
	follow := func(name string, continueOn *wfv1.ContinueOn, task string) {
		next := c.templates[name]
		if next == nil {
			return // of another WorkflowTemplate, or Argo's validation says it
		}
		found[name] = next
		if continueOn != nil && (continueOn.Failed || continueOn.Error) && c.runsSteps(next) {
			c.find("task %s of template %s has continueOn: a failed run could be Succeeded", task, template.Name)
		}
	}
	if template.DAG != nil {
		for _, task := range template.DAG.Tasks {
			follow(task.Template, task.ContinueOn, task.Name)
		}
	}
	for _, group := range template.Steps {
		for _, step := range group.Steps {
			follow(step.Template, step.ContinueOn, step.Name)
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *wfv1.Template) int { return strings.Compare(a.Name, b.Name) })
}

// runsSteps reports whether a template, or one directly below it, runs a step of ours.
func (c *check) runsSteps(template *wfv1.Template) bool {
	return len(readPod(template).steps) > 0 || runsDrill(template) || template.DAG != nil || len(template.Steps) > 0
}

// checkOutputs notes the global outputs of a template.
func (c *check) checkOutputs(template *wfv1.Template, published map[string]bool) {
	for _, output := range template.Outputs.Parameters {
		if output.GlobalName == "" {
			continue
		}
		published[output.GlobalName] = true
		known := slices.ContainsFunc(entrypoints, func(e entrypoint) bool { return slices.Contains(e.outputs, output.GlobalName) })
		if known && output.ValueFrom != nil && output.ValueFrom.Path != "" && output.ValueFrom.Default == nil {
			c.find("output %s of template %s has no default: a run that has none would lose its report", output.Name, template.Name)
		}
	}
}
