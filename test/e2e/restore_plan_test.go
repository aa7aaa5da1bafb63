// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/restore"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// checkPlanWorkflow plans by a Workflow, which gives the same answer as the command, and
// fails for a moment that no backup reaches.
func checkPlanWorkflow(t *testing.T, k *kit.Kit, target time.Time) {
	t.Helper()
	workflow, answer := planByWorkflow(t, k, target)
	if workflow.Status.Phase != wfv1.WorkflowSucceeded || kit.Output(workflow, vocab.OutputResult) != vocab.PlanReachable {
		t.Errorf("the plan to %s is %s, result %q: %s", target, workflow.Status.Phase, kit.Output(workflow, vocab.OutputResult), kit.DescribeRun(workflow))
	}
	if diff := cmp.Diff(planTo(t, k, target).Restore, answer.Restore); diff != "" {
		t.Errorf("the Workflow plans another restore (-command +Workflow):\n%s", diff)
	}

	workflow, answer = planByWorkflow(t, k, target.AddDate(-1, 0, 0))
	message := kit.Output(workflow, vocab.OutputMessage)
	if workflow.Status.Phase != wfv1.WorkflowFailed || answer.Verdict != restore.Refused || answer.Reason != string(restoreplan.BeforeOldest) || message == "" {
		t.Errorf("a moment of last year is %s, %+v, message %q", workflow.Status.Phase, answer, message)
	}
}

func planByWorkflow(t *testing.T, k *kit.Kit, target time.Time) (*wfv1.Workflow, restore.Answer) {
	t.Helper()
	workflow := k.AwaitRun(t, k.SubmitPlan(t, "cluster=cluster", "to="+restoreplan.FormatTarget(target)))
	if kind := workflow.Labels[vocab.LabelKind]; kind != string(vocab.RunRestorePlan) {
		t.Errorf("the Workflow of a plan has the kind %q", kind)
	}
	var answer restore.Answer
	if err := json.Unmarshal([]byte(kit.Output(workflow, vocab.OutputPlan)), &answer); err != nil {
		t.Fatalf("%v: the plan says %q: %s", err, kit.Output(workflow, vocab.OutputPlan), kit.DescribeRun(workflow))
	}
	return workflow, answer
}
