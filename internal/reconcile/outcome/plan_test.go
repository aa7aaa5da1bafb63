// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// ofPlan makes the Workflow one that plans a restore.
func ofPlan(w *wfv1.Workflow) {
	w.Labels[vocab.LabelKind] = string(vocab.RunRestorePlan)
	delete(w.Labels, vocab.LabelRepo)
	delete(w.Labels, vocab.LabelType)
}

// saysPlan leaves the outputs of a plan at the Workflow, or only on the node of its pod.
func saysPlan(result, message string, onNode bool) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		outputs := &wfv1.Outputs{Parameters: []wfv1.Parameter{
			{Name: vocab.OutputResult, Value: wfv1.AnyStringPtr(result)}, {Name: vocab.OutputMessage, Value: wfv1.AnyStringPtr(message)},
		}}
		if !onNode {
			w.Status.Outputs = outputs
			return
		}
		w.Status.Nodes = wfv1.Nodes{"plan": {ID: "plan", Name: "plan", Type: wfv1.NodeTypePod, Phase: wfv1.NodeFailed, Outputs: outputs, Message: "Error (exit code 20)"}}
	}
}

// TestPlanOfARestore: only what the Workflow and the plan both call good is shown as done,
// and whatever it says, it is neither a backup nor a drill.
func TestPlanOfARestore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		phase  wfv1.WorkflowPhase
		say    func(*wfv1.Workflow)
		result stanzaflowv1alpha1.RunResult
		shown  vocab.ShownResult
		want   string
	}{
		"reachable":                  {wfv1.WorkflowSucceeded, saysPlan("Reachable", "commits up to 13:41 are known", false), stanzaflowv1alpha1.RunSucceeded, vocab.ShownDone, "commits up to 13:41 are known"},
		"refused":                    {wfv1.WorkflowFailed, saysPlan("Refused", "Gap: WAL is missing", true), stanzaflowv1alpha1.RunFailed, vocab.ShownFailed, "Refused: Gap: WAL is missing"},
		"not proven":                 {wfv1.WorkflowFailed, saysPlan("NotProven", "no later commit", true), stanzaflowv1alpha1.RunUnknown, vocab.ShownUnknown, "NotProven: no later commit"},
		"refused, and yet green":     {wfv1.WorkflowSucceeded, saysPlan("Refused", "Gap: WAL is missing", false), stanzaflowv1alpha1.RunUnknown, vocab.ShownUnknown, "does not say that the moment can be restored"},
		"reachable, and yet red":     {wfv1.WorkflowFailed, saysPlan("Reachable", "fine", false), stanzaflowv1alpha1.RunFailed, vocab.ShownFailed, "ended as Failed"},
		"green without a word":       {wfv1.WorkflowSucceeded, func(*wfv1.Workflow) {}, stanzaflowv1alpha1.RunUnknown, vocab.ShownUnknown, "does not say"},
		"no answer":                  {wfv1.WorkflowFailed, saysPlan("", "", true), stanzaflowv1alpha1.RunFailed, vocab.ShownFailed, "exit code 20"},
		"stopped":                    {wfv1.WorkflowFailed, func(w *wfv1.Workflow) { w.Status.Message = argoStopped + "Terminate'" }, stanzaflowv1alpha1.RunFailed, vocab.ShownEnded, "the plan was stopped (argo terminate)"},
		"a forged report of a drill": {wfv1.WorkflowSucceeded, func(w *wfv1.Workflow) { w.Status.Outputs = outputs(t, proven()) }, stanzaflowv1alpha1.RunUnknown, vocab.ShownUnknown, "does not say"},
	} {
		w := makeWorkflow(tc.phase, ofPlan, tc.say)
		run := Read(w, start)
		if run.Kind != vocab.RunRestorePlan || run.Status.Result != tc.result || !strings.Contains(run.Status.Message, tc.want) {
			t.Errorf("%s: %s %s: %q", name, run.Kind, run.Status.Result, run.Status.Message)
		}
		if run.Backup != nil || run.Tried != nil || run.Predeploy != nil || run.Heartbeat != nil || run.Repo != nil {
			t.Errorf("%s: it proves something: %+v", name, run)
		}
		if shown := Show(w); shown.Result != tc.shown {
			t.Errorf("%s: shown as %s", name, shown.Result)
		}
		if after := (History{}).Fold([]Run{run}); after.LastRun != nil || after.LastBackup != nil {
			t.Errorf("%s: it counts as a backup: %+v", name, after)
		}
	}
}
