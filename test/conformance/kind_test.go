// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"slices"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/expr/env"
	argotemplate "github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/expr-lang/expr"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// backupTemplate is the WorkflowTemplate of the runs.
func backupTemplate(t *testing.T) *wfv1.WorkflowTemplate {
	t.Helper()
	template, err := namespace(t).Get(vocab.DefaultWorkflowTemplate)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// TestKindFollowsTheEntrypoint evaluates the label as Argo does.
func TestKindFollowsTheEntrypoint(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	label := template.Spec.WorkflowMetadata.LabelsFrom[vocab.LabelKind].Expression
	for entrypoint, kind := range map[string]vocab.RunKind{
		vocab.EntrypointBackup: vocab.RunBackup, vocab.EntrypointPredeploy: vocab.RunPredeploy, vocab.EntrypointStanza: vocab.RunStanza,
		"predeploy-make": vocab.RunBackup, // Its begin says predeploy, and the outcome refuses such a report.
	} {
		if template.GetTemplateByName(entrypoint) == nil {
			t.Errorf("there is no template %s", entrypoint)
		}
		facts := map[string]string{"workflow.mainEntrypoint": entrypoint, "workflow.parameters.cluster": "orders"}
		got, err := expr.Eval(label, env.GetFuncMap(argotemplate.EnvMap(facts)))
		if err != nil || got != string(kind) {
			t.Errorf("entrypoint %s: kind %v, %v; want %s", entrypoint, got, err, kind)
		}
	}
	if template.Spec.Entrypoint != vocab.EntrypointBackup {
		t.Errorf("the default entrypoint is %s", template.Spec.Entrypoint)
	}
}

// TestStepsOfEachTemplate shows which steps a template has, in which order, with which
// options of begin, and which of them wait for the lock.
func TestStepsOfEachTemplate(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	backup := []string{"main", "precheck", "backup", "expire", "verify"}
	for name, want := range map[string]struct {
		begin, steps []string
		locks        bool
	}{
		"backup":          {[]string{"--kind=backup"}, backup, true},
		"stanza":          {[]string{"--kind=stanza"}, backup[:2], true},
		"predeploy-reuse": {[]string{"--kind=predeploy", "--only-reuse"}, []string{"main", "precheck", "restore-point"}, false},
		"predeploy-make":  {[]string{"--kind=predeploy"}, append(slices.Clone(backup), "restore-point"), true},
	} {
		pod := template.GetTemplateByName(name)
		if pod == nil {
			t.Errorf("there is no template %s", name)
			continue
		}
		var steps []string
		for i, container := range pod.ContainerSet.GetGraph() {
			steps = append(steps, container.Name)
			command := append([]string{"/operator", "step", "begin"}, want.begin...)
			if i > 0 {
				command = []string{"/operator", "step", container.Name}
				if !slices.Equal(container.Dependencies, steps[i-1:i]) {
					t.Errorf("%s: step %s depends on %v, want the one before it", name, container.Name, container.Dependencies)
				}
			}
			if diff := cmp.Diff(command, container.Command); diff != "" {
				t.Errorf("%s: command of %s (-want +got):\n%s", name, container.Name, diff)
			}
		}
		if diff := cmp.Diff(want.steps, steps); diff != "" {
			t.Errorf("%s: steps (-want +got):\n%s", name, diff)
		}
		if locks := pod.Synchronization != nil && len(pod.Synchronization.Mutexes) == 1; locks != want.locks {
			t.Errorf("%s waits for the lock: %t, want %t", name, locks, want.locks)
		}
		if pod.RetryStrategy == nil || pod.PodSpecPatch == "" {
			t.Errorf("%s: a lost pod is not replaced, or the pod is not restricted", name)
		}
	}
}

// TestPredeployFailsClosed: what reuse leaves out reads as not fresh, and only a pod that
// has proven a restore point ends the run without the other.
func TestPredeployFailsClosed(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	tasks := template.GetTemplateByName(vocab.EntrypointPredeploy).DAG.Tasks
	if len(tasks) != 2 || tasks[0].Template != "predeploy-reuse" || tasks[0].When != "" || tasks[0].ContinueOn != nil {
		t.Fatalf("tasks %+v, want reuse first, which nothing skips and whose failure counts", tasks)
	}
	if then := tasks[1]; then.Template != "predeploy-make" || then.When != "{{tasks.reuse.outputs.parameters.fresh}} != true" || !slices.Equal(then.Dependencies, []string{"reuse"}) || then.ContinueOn != nil {
		t.Errorf("task %+v, want make after reuse unless it was fresh", then)
	}
	fresh := outputOf(template, "predeploy-reuse", "fresh")
	if fresh == nil || fresh.GlobalName != "" || fresh.ValueFrom.Default.String() != "false" {
		t.Errorf("output fresh %+v, want false by default", fresh)
	}
	for _, name := range []string{"predeploy-reuse", "predeploy-make"} {
		for _, output := range []string{vocab.OutputReport, vocab.OutputLabel, vocab.OutputRestorePoint, vocab.OutputRestore, "retention"} {
			parameter := outputOf(template, name, output)
			if parameter == nil || parameter.GlobalName != output || parameter.ValueFrom.Default.String() != "" {
				t.Errorf("%s: output %s is %+v, want a global one that is empty by default", name, output, parameter)
			}
		}
	}
}

// outputOf returns an output parameter of a template, nil if it has none of that name.
func outputOf(template *wfv1.WorkflowTemplate, name, output string) *wfv1.Parameter {
	for _, parameter := range template.GetTemplateByName(name).Outputs.Parameters {
		if parameter.Name == output {
			return &parameter
		}
	}
	return nil
}
