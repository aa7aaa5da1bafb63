// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/expr/env"
	argotemplate "github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
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
		vocab.EntrypointBackupDAG: vocab.RunBackup, vocab.EntrypointBackupCompact: vocab.RunBackup,
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
	// Forks patch templates by their index.
	order := "backup stanza predeploy predeploy-reuse predeploy-make backup-dag dag-precheck dag-backup dag-expire dag-verify backup-compact"
	for i, name := range strings.Fields(order) {
		if template.Spec.Templates[i].Name != name {
			t.Errorf("template %d is %s, want %s", i, template.Spec.Templates[i].Name, name)
		}
	}
	if template.Spec.Entrypoint != vocab.EntrypointBackup {
		t.Errorf("the default entrypoint is %s", template.Spec.Entrypoint)
	}
}

// TestStepsOfEachTemplate shows which steps a template has, in which containers, in which
// order, with which options of begin, and which of them wait for the lock.
func TestStepsOfEachTemplate(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	for name, want := range map[string]struct {
		begin []string
		steps string
		locks bool
	}{
		"backup":          {[]string{"--kind=backup"}, "1-begin 2-precheck 3-backup 4-expire main=verify", true},
		"stanza":          {[]string{"--kind=stanza"}, "1-begin main=precheck", true},
		"predeploy-reuse": {[]string{"--kind=predeploy", "--only-reuse"}, "1-begin 2-precheck main=restore-point", false},
		"predeploy-make":  {[]string{"--kind=predeploy"}, "1-begin 2-precheck 3-backup 4-expire 5-verify main=restore-point", true},
	} {
		pod := template.GetTemplateByName(name)
		if pod == nil {
			t.Errorf("there is no template %s", name)
			continue
		}
		var names []string
		for i, step := range strings.Fields(want.steps) {
			container, does, ok := strings.Cut(step, "=")
			if !ok {
				_, does, _ = strings.Cut(container, "-")
			}
			names = append(names, container)
			if i >= len(pod.ContainerSet.Containers) {
				t.Errorf("%s: there is no container %s", name, container)
				continue
			}
			got, command := pod.ContainerSet.Containers[i], []string{"/operator", "step", does}
			if i == 0 {
				command = append(command, want.begin...)
			}
			if got.Name != container || i > 0 && !slices.Equal(got.Dependencies, names[i-1:i]) {
				t.Errorf("%s: container %s depends on %v, want %s after the one before it", name, got.Name, got.Dependencies, container)
			}
			if diff := cmp.Diff(command, got.Command); diff != "" {
				t.Errorf("%s: command of %s (-want +got):\n%s", name, container, diff)
			}
		}
		if len(names) != len(pod.ContainerSet.Containers) || !slices.IsSorted(names) {
			t.Errorf("%s: %d containers, want %v in the order of their names: Argo's message is that of the first which failed", name, len(pod.ContainerSet.Containers), names)
		}
		if locks := pod.Synchronization != nil && len(pod.Synchronization.Mutexes) == 1; locks != want.locks {
			t.Errorf("%s waits for the lock: %t, want %t", name, locks, want.locks)
		}
		if pod.RetryStrategy == nil || pod.PodSpecPatch == "" {
			t.Errorf("%s: a lost pod is not replaced, or the pod is not restricted", name)
		}
		if got, want := pod.Metadata.Annotations[common.AnnotationKeyProgress], fmt.Sprintf("0/%d", 100-len(names)); got != want {
			t.Errorf("%s: progress of the pod is %s, want %s: with its containers it is percent", name, got, want)
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
