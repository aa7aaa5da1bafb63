// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/expr/argoexpr"
	"github.com/argoproj/argo-workflows/v3/util/expr/env"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// triesAgain evaluates the expression of a retryStrategy as Argo does.
func triesAgain(t *testing.T, strategy *wfv1.RetryStrategy, exitCode, message string) bool {
	t.Helper()
	again, err := argoexpr.EvalBool(strategy.Expression, env.GetFuncMap(map[string]any{
		common.LocalVarRetries: "0", common.LocalVarRetriesLastStatus: "Failed", common.LocalVarRetriesLastDuration: "1",
		common.LocalVarRetriesLastExitCode: exitCode, common.LocalVarRetriesLastMessage: message,
	}))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// TestPodsThatAreReplaced: in the form pod every end but a verdict of a step has another
// pod continue. The messages are Argo's: that of the pod if it was lost, else that of the
// first container by name which did not end with 0. The exit code is that of main.
func TestPodsThatAreReplaced(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	for title, tc := range map[string]struct {
		exitCode, message string
		again             bool
	}{
		"begin refuses":                       {"64", "1-begin: Error (exit code 20): Failed: parameter repo is \"repo9\"", false},
		"precheck is held":                    {"64", "2-precheck: Error (exit code 20): Held: the gate is false", false},
		"backup gives up":                     {"64", "3-backup: Error (exit code 30): Failed: pgbackrest backup failed", false},
		"the last step refuses":               {"20", "main: Error (exit code 20): Failed: not proven", false},
		"the last step gives up":              {"30", "main: Error (exit code 30): Failed: not proven", false},
		"the last step, and the pod is lost":  {"20", "The node was low on resource: memory.", false},
		"a step is asked to end":              {"64", "3-backup: Error (exit code 40): Failed: the step was stopped", true},
		"a step could not begin":              {"64", "1-begin: Error (exit code 1): no such host", true},
		"a step is out of memory":             {"64", "3-backup: OOMKilled (exit code 137)", true},
		"the last step is out of memory":      {"137", "main: OOMKilled (exit code 137)", true},
		"all are killed":                      {"137", "2-precheck: Error (exit code 137)", true},
		"the pod is evicted":                  {"137", "Pod was evicted: exit code 20 of another program", true},
		"the pod is deleted":                  {"-1", "pod deleted", true},
		"Argo's own container fails":          {"0", "wait: Error (exit code 64): failed to report", true},
		"what pgBackRest says is no verdict":  {"64", "3-backup: Error (exit code 40): pgbackrest: Error (exit code 20)", true},
		"the message has a code of some text": {"64", "3-backup: Error (exit code 137): code: 30", true},
	} {
		for _, name := range []string{"backup", "stanza", "predeploy-reuse", "predeploy-make", "backup-compact"} {
			strategy := template.GetTemplateByName(name).RetryStrategy
			if got := triesAgain(t, strategy, tc.exitCode, tc.message); got != tc.again {
				t.Errorf("%s: %s: another pod %t, want %t", name, title, got, tc.again)
			}
			if strategy.RetryPolicyActual() != wfv1.RetryPolicyAlways {
				t.Errorf("%s: retryPolicy %s leaves out pods that are lost", name, strategy.RetryPolicyActual())
			}
		}
	}
}

// dagRun is a run in the form dag whose tasks have ended so. Each has one pod.
func dagRun(phases map[string]wfv1.NodePhase) *wfv1.Workflow {
	wf := &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{Name: "orders", Namespace: "shop", UID: "uid-1", Labels: map[string]string{common.LabelKeyCompleted: "true"}},
		Status: wfv1.WorkflowStatus{
			Phase: wfv1.WorkflowFailed, StartedAt: metav1.NewTime(time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)), Nodes: wfv1.Nodes{},
			Outputs: &wfv1.Outputs{Parameters: []wfv1.Parameter{{Name: "report", Value: wfv1.AnyStringPtr("failed")}}},
		},
	}
	root := wfv1.NodeStatus{ID: "orders", Name: "orders", Type: wfv1.NodeTypeDAG, Phase: wfv1.NodeFailed}
	before := &root
	nodes := []*wfv1.NodeStatus{before}
	for _, task := range []string{"precheck", "backup", "expire", "verify"} {
		name := "orders." + task
		retry := &wfv1.NodeStatus{ID: name, Name: name, DisplayName: task, Type: wfv1.NodeTypeRetry, Phase: phases[task], BoundaryID: "orders", Children: []string{name + "(0)"}}
		pod := &wfv1.NodeStatus{
			ID: name + "(0)", Name: name + "(0)", Type: wfv1.NodeTypePod, Phase: phases[task], BoundaryID: "orders", NodeFlag: &wfv1.NodeFlag{Retried: true},
			Outputs: &wfv1.Outputs{Parameters: []wfv1.Parameter{{Name: "report", Value: wfv1.AnyStringPtr(task)}}},
		}
		retry.Outputs = pod.Outputs
		before.Children = append(before.Children, retry.ID)
		nodes, before = append(nodes, retry, pod), pod
	}
	root.OutboundNodes = []string{before.ID}
	for _, node := range nodes {
		wf.Status.Nodes[node.ID] = *node
	}
	return wf
}

// TestRetryContinuesAtTheFailedStep: argo retry keeps what has succeeded with its outputs,
// so that no second backup is made, and starts the limit of the run again.
func TestRetryContinuesAtTheFailedStep(t *testing.T) {
	const ok, failed = wfv1.NodeSucceeded, wfv1.NodeFailed
	for title, tc := range map[string]struct {
		phases map[string]wfv1.NodePhase
		again  string
	}{
		"verify failed":            {map[string]wfv1.NodePhase{"precheck": ok, "backup": ok, "expire": ok, "verify": failed}, "verify"},
		"expire and verify failed": {map[string]wfv1.NodePhase{"precheck": ok, "backup": ok, "expire": failed, "verify": failed}, "expire verify"},
	} {
		t.Run(title, func(t *testing.T) {
			before := dagRun(tc.phases)
			after, pods, err := util.FormulateRetryWorkflow(t.Context(), before, false, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			again := strings.Fields(tc.again)
			for task := range tc.phases {
				node, err := after.Status.Nodes.Get("orders." + task + "(0)")
				if slices.Contains(again, task) {
					if err == nil {
						t.Errorf("the pod of %s is kept: %+v", task, node)
					}
					continue
				}
				if err != nil || node.Phase != ok || node.Outputs == nil || node.Outputs.Parameters[0].Value.String() != task {
					t.Errorf("the pod of %s is not kept with its outputs: %+v, %v", task, node, err)
				}
			}
			if len(pods) != len(again) {
				t.Errorf("deletes the pods %v, want those of %v", pods, again)
			}
			if root := after.Status.Nodes["orders"]; root.Phase != wfv1.NodeRunning || after.UID != before.UID {
				t.Errorf("the DAG is %s", root.Phase)
			}
			if !after.Status.StartedAt.After(before.Status.StartedAt.Time) {
				t.Error("status.startedAt is not set again, and the limit of a run counts from it")
			}
		})
	}
}
