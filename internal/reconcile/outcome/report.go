// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"cmp"
	"maps"
	"slices"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// newestReport finds what the run said last. The global output is what the last step
// exported. A step that failed may have left its report only on its node, so the
// report of the newest pod replaces a global one that does not say how the run ended.
func newestReport(workflow *wfv1.Workflow) (report.Report, error) {
	global, err := report.Decode(reportIn(workflow.Status.Outputs))
	if err == nil && ended(global) {
		return global, nil
	}
	for _, node := range newestPods(workflow) {
		text := reportIn(node.Outputs)
		if text == "" {
			continue
		}
		if r, nodeErr := report.Decode(text); nodeErr == nil {
			return r, nil
		}
	}
	return global, err
}

// ReportOf returns what a run says of itself. Without a report of exactly this run it
// returns an error.
func ReportOf(workflow *wfv1.Workflow) (report.Report, error) {
	r, err := newestReport(workflow)
	if err == nil {
		err = checkOwner(workflow, r)
	}
	if err != nil {
		return report.Report{}, err
	}
	return r, nil
}

func ended(r report.Report) bool {
	return r.Result == stanzaflowv1alpha1.RunSucceeded ||
		r.Result == stanzaflowv1alpha1.RunFailed || r.Result == stanzaflowv1alpha1.RunHeld
}

func reportIn(outputs *wfv1.Outputs) string { return outputIn(outputs, vocab.OutputReport) }

func outputIn(outputs *wfv1.Outputs, name string) string {
	if outputs == nil {
		return ""
	}
	for _, p := range outputs.Parameters {
		if p.Name == name && p.Value != nil {
			return p.Value.String()
		}
	}
	return ""
}

// workflowMessage is what Argo says about a run that failed. It is the message of the
// step that failed, in the newest pod that failed; else that of the pod; else that of
// the Workflow.
func workflowMessage(workflow *wfv1.Workflow) string {
	pod := newestFailedPod(workflow)
	if pod == nil {
		return cmp.Or(workflow.Status.Message, "The Workflow ended as "+string(workflow.Status.Phase)+" without a message")
	}
	if message := stepMessage(workflow, *pod); message != "" {
		return message
	}
	return cmp.Or(StepOf(*pod), pod.TemplateName, pod.DisplayName, pod.Name) + ": " + pod.Message
}

// stepMessage is what the first step that failed in a pod says, if Argo's message of
// the pod comes from a step. That may be a later one, which only says that it waited
// in vain. It is empty if the pod itself was lost.
func stepMessage(workflow *wfv1.Workflow, pod wfv1.NodeStatus) string {
	first, ofStep := "", false
	for node, walked := pod, 0; len(node.Children) > 0 && walked < len(workflow.Status.Nodes); walked++ {
		next, ok := workflow.Status.Nodes[node.Children[0]]
		if !ok || next.Type != wfv1.NodeTypeContainer {
			break
		}
		if hasFailed(next) {
			first = cmp.Or(first, next.Message)
			ofStep = ofStep || next.Message == pod.Message
		}
		node = next
	}
	if !ofStep {
		return ""
	}
	return first
}

func hasFailed(node wfv1.NodeStatus) bool {
	return node.Phase == wfv1.NodeFailed || node.Phase == wfv1.NodeError
}

// newestFailedPod is the newest pod that failed with a message, nil without one.
func newestFailedPod(workflow *wfv1.Workflow) *wfv1.NodeStatus {
	for _, node := range newestPods(workflow) {
		if hasFailed(node) && node.Message != "" {
			return &node
		}
	}
	return nil
}

// newestPods are the pod nodes: those that have not finished, then the one that finished
// last. Argo gives no time of their end to pods that it ends itself. Node names break
// ties, so that the answer does not depend on the order of a map.
func newestPods(workflow *wfv1.Workflow) []wfv1.NodeStatus {
	nodes := slices.Collect(maps.Values(workflow.Status.Nodes))
	nodes = slices.DeleteFunc(nodes, func(n wfv1.NodeStatus) bool { return n.Type != wfv1.NodeTypePod })
	slices.SortFunc(nodes, func(a, b wfv1.NodeStatus) int {
		return cmp.Or(finished(a)-finished(b), b.FinishedAt.Compare(a.FinishedAt.Time), b.StartedAt.Compare(a.StartedAt.Time), cmp.Compare(b.Name, a.Name), cmp.Compare(b.ID, a.ID))
	})
	return nodes
}

// finished is 1 for a node with the time of its end.
func finished(node wfv1.NodeStatus) int {
	if node.FinishedAt.IsZero() {
		return 0
	}
	return 1
}
