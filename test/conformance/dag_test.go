// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	argotemplate "github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestTasksOfTheDAG: verify is the only leaf, so it decides; what fails before it is red
// and not hidden.
func TestTasksOfTheDAG(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	dag := template.GetTemplateByName(vocab.EntrypointBackupDAG)
	depends := map[string]string{}
	for _, task := range dag.DAG.Tasks {
		if task.ContinueOn != nil || task.When != "" || len(task.Dependencies) > 0 || task.Template != "dag-"+task.Name {
			t.Errorf("task %+v, want no more than depends", task)
		}
		depends[task.Name] = task.Depends
	}
	want := map[string]string{
		"precheck": "", "backup": "precheck.Succeeded", "expire": "backup.Succeeded",
		"verify": "backup.Succeeded && (expire.Succeeded || expire.Failed || expire.Errored)",
	}
	if diff := cmp.Diff(want, depends); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	mutexes := func(name string) *wfv1.Synchronization { return template.GetTemplateByName(name).Synchronization }
	if diff := cmp.Diff(mutexes(vocab.EntrypointBackup), mutexes(vocab.EntrypointBackupDAG)); diff != "" {
		t.Errorf("the forms have different locks (-pod +dag):\n%s", diff)
	}
	if dag.RetryStrategy != nil {
		t.Error("the DAG is tried again as a whole")
	}
}

// TestPodsOfTheDAG: each is one container with the command of its step and the same
// parameters as begin, and publishes what the form pod does.
func TestPodsOfTheDAG(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	begin := template.GetTemplateByName(vocab.EntrypointBackup)
	progress := 0
	for _, step := range []string{"precheck", "backup", "expire", "verify"} {
		pod := template.GetTemplateByName("dag-" + step)
		command := []string{"/operator", "step", step, "--kind=backup", "--form=dag", "--retries={{retries}}"}
		if diff := cmp.Diff(command, pod.Container.Command); diff != "" {
			t.Errorf("%s: command (-want +got):\n%s", step, diff)
		}
		if diff := cmp.Diff(begin.ContainerSet.Containers[0].Args, pod.Container.Args); diff != "" {
			t.Errorf("%s: parameters (-begin +got):\n%s", step, diff)
		}
		if diff := cmp.Diff(begin.Outputs.Parameters, slices.DeleteFunc(slices.Clone(pod.Outputs.Parameters), func(p wfv1.Parameter) bool { return p.Name == "facts" })); diff != "" {
			t.Errorf("%s: outputs (-pod +dag):\n%s", step, diff)
		}
		if pod.PodSpecPatch != begin.PodSpecPatch || pod.Synchronization != nil {
			t.Errorf("%s: another patch of the pod, or a lock of its own, which the DAG holds already", step)
		}
		progress++
		if text := pod.Metadata.Annotations[common.AnnotationKeyProgress]; text != "" {
			total := 0
			if _, err := fmt.Sscanf(text, "0/%d", &total); err != nil {
				t.Fatal(err)
			}
			progress += total - 1
		}
	}
	if progress != 100 {
		t.Errorf("the progress of the pods adds up to %d, want 100", progress)
	}
}

// TestTasksAreTriedAgain: in the form dag, everything but a cause for a person.
func TestTasksAreTriedAgain(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	for title, tc := range map[string]struct {
		exitCode, message string
		again             bool
	}{
		"a person must act":        {"20", "main: Error (exit code 20): Failed: no such repo", false},
		"held":                     {"20", "main: Error (exit code 20): Held: the gate is false", false},
		"and the pod is lost":      {"20", "Pod was evicted", false},
		"the attempt failed":       {"30", "main: Error (exit code 30): Failed: [056] db-connect", true},
		"the step was stopped":     {"40", "main: Error (exit code 40): Failed: the step was stopped", true},
		"the step could not begin": {"1", "main: Error (exit code 1): no such host", true},
		"Argo's own container":     {"64", "main: Error (exit code 64)", true},
		"out of memory":            {"137", "main: OOMKilled (exit code 137)", true},
		"the pod is lost":          {"-1", "pod deleted", true},
	} {
		for _, step := range []string{"precheck", "backup", "expire", "verify"} {
			strategy := template.GetTemplateByName("dag-" + step).RetryStrategy
			if got := triesAgain(t, strategy, tc.exitCode, tc.message); got != tc.again || strategy.RetryPolicyActual() != wfv1.RetryPolicyAlways {
				t.Errorf("%s: %s: another pod %t, want %t", step, title, got, tc.again)
			}
		}
	}
}

// globals are what Argo knows of a Workflow before it runs.
func globals(template *wfv1.WorkflowTemplate) common.Parameters {
	known := common.Parameters{
		"workflow.name": "orders-full", "workflow.namespace": "shop", "workflow.uid": "uid-1",
		"workflow.creationTimestamp.RFC3339": "2026-03-01T01:00:00Z", "workflow.parameters.cluster": "orders",
	}
	for _, p := range template.Spec.Arguments.Parameters {
		if p.Value != nil {
			known["workflow.parameters."+p.Name] = p.Value.String()
		}
	}
	return known
}

// TestAttemptsOfTheDAG: the parameters decide how often and how soon Argo tries again.
func TestAttemptsOfTheDAG(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	known := globals(template)
	known["workflow.parameters.attempts"], known["workflow.parameters.backoff"] = "3", "1m"
	args := &wfv1.Arguments{}
	for _, step := range []string{"precheck", "backup", "expire", "verify"} {
		pod := template.GetTemplateByName("dag-" + step)
		for _, input := range pod.Inputs.Parameters {
			args.Parameters = append(args.Parameters, wfv1.Parameter{Name: input.Name, Value: wfv1.AnyStringPtr("{}")})
		}
		done, err := common.ProcessArgs(pod, args, known, common.Parameters{common.LocalVarRetries: "1"}, false, "shop", nil)
		if err != nil {
			t.Fatal(err)
		}
		strategy := done.RetryStrategy
		if strategy.Limit.IntValue() != 2 || strategy.Backoff.Duration != "1m" || strategy.Backoff.Cap != "5m" || strategy.Backoff.Factor.IntValue() != 2 {
			t.Errorf("%s: limit %s, backoff %+v, want 3 attempts, 1m and doubled", step, strategy.Limit, strategy.Backoff)
		}
		if got := done.Container.Command[5]; got != "--retries=1" {
			t.Errorf("%s: %s", step, got)
		}
	}
}

// TestReportPassesThroughArgo: a report and the facts get into the next pod as they were,
// whatever pgBackRest has said.
func TestReportPassesThroughArgo(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	report := `{"message":"\"quoted\" \\ ünïcode <&> \u007b\u007bworkflow.name}} \u007b\u007b=1/0}}","backup":{"a":{"b":1}}}`
	facts := "{\n  \"facts\": {\"repo\": {\"location\": \"s3://bucket\"}}\n}"
	for _, task := range template.GetTemplateByName(vocab.EntrypointBackupDAG).DAG.Tasks[1:] {
		known := taskScope(map[string]string{
			"tasks.precheck.outputs.parameters.facts": facts, "tasks.precheck.outputs.parameters.report": report,
			"tasks.backup.outputs.parameters.report": report, "tasks.expire.outputs.parameters.report": report,
		})
		resolved := resolve(t, template, task, known)
		pod, err := common.ProcessArgs(template.GetTemplateByName(task.Template), &resolved.Arguments, globals(template), common.Parameters{common.LocalVarRetries: "0"}, false, "shop", nil)
		if err != nil {
			t.Fatal(err)
		}
		// Argo substitutes once more, for each attempt.
		if pod, err = common.SubstituteParams(pod, globals(template), common.Parameters{common.LocalVarRetries: "0"}); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{"/run/stanzaflow/report.json": report, "/run/stanzaflow/precheck.json": facts} {
			i := slices.IndexFunc(pod.Inputs.Artifacts, func(a wfv1.Artifact) bool { return a.Path == path })
			if i < 0 || pod.Inputs.Artifacts[i].Raw == nil || pod.Inputs.Artifacts[i].Raw.Data != want || pod.Inputs.Artifacts[i].Archive.None == nil {
				t.Errorf("%s: %s is not what the task before has left: %+v", task.Name, path, pod.Inputs.Artifacts)
			}
		}
	}
}

// TestVerifyGetsAReport, whatever became of expire. A reference that cannot be resolved
// would have Argo ask again for ever.
func TestVerifyGetsAReport(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	verify := template.GetTemplateByName(vocab.EntrypointBackupDAG).DAG.Tasks[3]
	for title, tc := range map[string]struct {
		expire map[string]string
		want   string
	}{
		"succeeded":                 {map[string]string{"tasks.expire.status": "Succeeded", "tasks.expire.exitCode": "0", "tasks.expire.outputs.parameters.report": "expire", "tasks.expire.outputs.parameters.retention": "Succeeded"}, "expire"},
		"failed with outputs":       {map[string]string{"tasks.expire.status": "Failed", "tasks.expire.exitCode": "30", "tasks.expire.outputs.parameters.report": "expire"}, "expire"},
		"failed without outputs":    {map[string]string{"tasks.expire.status": "Failed", "tasks.expire.exitCode": "137"}, "backup"},
		"failed with other outputs": {map[string]string{"tasks.expire.status": "Failed", "tasks.expire.outputs.parameters.retention": ""}, "backup"},
		"its pod was lost":          {map[string]string{"tasks.expire.status": "Error", "tasks.expire.id": "x"}, "backup"},
		"nothing is known":          {nil, "backup"},
	} {
		known := taskScope(map[string]string{
			"tasks.precheck.outputs.parameters.facts": "facts", "tasks.precheck.outputs.parameters.report": "precheck",
			"tasks.backup.outputs.parameters.report": "backup", "tasks.backup.status": "Succeeded",
		})
		for key, value := range tc.expire {
			known[key] = value
		}
		if got := resolve(t, template, verify, known).Arguments.GetParameterByName("report").Value.String(); got != tc.want {
			t.Errorf("expire %s: verify gets the report of %s, want that of %s", title, got, tc.want)
		}
	}
	// The test can fail: this is what Argo asks again for ever.
	plain := *verify.DeepCopy()
	plain.Arguments.GetParameterByName("report").Value = wfv1.AnyStringPtr("{{tasks.expire.outputs.parameters.report}}")
	if _, err := resolveTask(plain, taskScope(map[string]string{"tasks.expire.status": "Error", "tasks.precheck.outputs.parameters.facts": "facts"})); !argotemplate.IsMissingVariableErr(err) {
		t.Errorf("a plain reference is now an end: %v", err)
	}
}

// taskScope are the facts that Argo has for the arguments of a task, some of which every
// Workflow has.
func taskScope(known map[string]string) map[string]any {
	scope := map[string]any{"workflow.name": "orders-full", "workflow.parameters.cluster": "orders"}
	for key, value := range known {
		scope[key] = value
	}
	return scope
}

// resolveTask replaces references in a task as resolveDependencyReferences of Argo's
// controller does.
func resolveTask(task wfv1.DAGTask, known map[string]any) (*wfv1.DAGTask, error) {
	text, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	replaced, err := argotemplate.ReplaceStrictAny(string(text), known, []string{"tasks", "steps"})
	if err != nil {
		return nil, err
	}
	var resolved wfv1.DAGTask
	return &resolved, json.Unmarshal([]byte(replaced), &resolved)
}

// resolve resolves a task after Argo has replaced what is known before any task runs, as
// it does: that must leave the references to tasks alone.
func resolve(t *testing.T, template *wfv1.WorkflowTemplate, task wfv1.DAGTask, known map[string]any) *wfv1.DAGTask {
	t.Helper()
	dag, err := common.ProcessArgs(template.GetTemplateByName(vocab.EntrypointBackupDAG), &wfv1.Arguments{}, globals(template), common.Parameters{"steps.name": ""}, false, "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(dag.DAG.Tasks, func(have wfv1.DAGTask) bool { return have.Name == task.Name })
	resolved, err := resolveTask(dag.DAG.Tasks[i], known)
	if err != nil {
		t.Fatalf("task %s: %v", task.Name, err)
	}
	if text := fmt.Sprint(resolved.Arguments.Parameters); strings.Contains(text, "{{tasks") || strings.Contains(text, "{{=tasks") {
		t.Errorf("task %s has references that are not resolved: %s", task.Name, text)
	}
	return resolved
}
