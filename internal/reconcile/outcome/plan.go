// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// planned says how a plan of a restore ended. It has no report, because it proves nothing:
// it is shown, and counts nowhere. Only one that the Workflow and the plan both call good
// is a success.
func planned(workflow *wfv1.Workflow) (stanzaflowv1alpha1.RunResult, string) {
	result, message := planOutputs(workflow)
	if end := ending(workflow); end != "" {
		return stanzaflowv1alpha1.RunFailed, report.OneLine(end)
	}
	succeeded := workflow.Status.Phase == wfv1.WorkflowSucceeded
	switch {
	case succeeded && result == vocab.PlanReachable:
		return stanzaflowv1alpha1.RunSucceeded, report.OneLine(message)
	case succeeded:
		return stanzaflowv1alpha1.RunUnknown, oneLine("The Workflow succeeded, and does not say that the moment can be restored: %s", message)
	case result == vocab.PlanNotProven:
		return stanzaflowv1alpha1.RunUnknown, oneLine("%s: %s", result, message)
	case result == vocab.PlanRefused:
		return stanzaflowv1alpha1.RunFailed, oneLine("%s: %s", result, message)
	}
	return stanzaflowv1alpha1.RunFailed, report.OneLine(workflowMessage(workflow))
}

// planOutputs is what a plan says of itself. A pod that failed may have left it only on its
// node.
func planOutputs(workflow *wfv1.Workflow) (result, message string) {
	if result = outputIn(workflow.Status.Outputs, vocab.OutputResult); result != "" {
		return result, outputIn(workflow.Status.Outputs, vocab.OutputMessage)
	}
	for _, node := range newestPods(workflow) {
		if result = outputIn(node.Outputs, vocab.OutputResult); result != "" {
			return result, outputIn(node.Outputs, vocab.OutputMessage)
		}
	}
	return "", ""
}
