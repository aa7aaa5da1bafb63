// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Words of Argo in the status of a Workflow that it ended itself.
const (
	argoStopped       = "Stopped with strategy '"
	argoDeadline      = "Step exceeded its deadline"
	argoRetryDeadline = "retry exceeded workflow deadline"
)

// ending says why Argo ended a run, in words for a person. It is empty for a run that
// ended by itself. Argo does not publish the report of a run that it ended; only an
// event may say what became of its backup.
func ending(workflow *wfv1.Workflow) string {
	message := workflow.Status.Message
	if strategy, ok := strings.CutPrefix(message, argoStopped); ok {
		command := "argo terminate"
		if strings.HasPrefix(strategy, string(wfv1.ShutdownStrategyStop)) {
			command = "argo stop"
		}
		if KindOf(workflow) == vocab.RunDrill {
			return "the drill was stopped (" + command + "), and has proven nothing"
		}
		if KindOf(workflow) == vocab.RunRestorePlan {
			return "the plan was stopped (" + command + ")"
		}
		// Between two steps, and after the last, none is running that could leave an event.
		if hasDone(workflow, stepVerify) {
			return "the run was stopped (" + command + ") when its step verify had succeeded: its backup is proven, but Argo has published no report of it; pgbackrest info lists it"
		}
		if hasDone(workflow, stepBackup) {
			return "the run was stopped (" + command + ") when its step backup had succeeded, before the backup was proven; pgbackrest info lists it"
		}
		return "the run was stopped (" + command + "); if it had begun a backup, kubectl describe of the Workflow or pgbackrest info says what became of it"
	}
	if outOfTime(workflow) && KindOf(workflow) == vocab.RunDrill {
		return "the drill exceeded activeDeadlineSeconds, so Argo ended it, and it has proven nothing"
	}
	if outOfTime(workflow) {
		return "the run exceeded activeDeadlineSeconds, so Argo ended it; kubectl describe of the Workflow may say more"
	}
	return ""
}

// hasDone reports whether a step has succeeded. In the form compact Argo knows of no steps.
func hasDone(workflow *wfv1.Workflow, step string) bool {
	return workflow.Status.Nodes.Any(func(node wfv1.NodeStatus) bool {
		return node.Phase == wfv1.NodeSucceeded && StepOf(node) == step
	})
}

// outOfTime reports whether Argo ended a run because of its activeDeadlineSeconds. Of a
// DAG only the nodes say so.
func outOfTime(workflow *wfv1.Workflow) bool {
	late := func(message string) bool {
		return message == argoDeadline || strings.HasPrefix(message, argoRetryDeadline)
	}
	if pod := newestFailedPod(workflow); late(workflow.Status.Message) || pod != nil && late(pod.Message) {
		return true
	}
	return workflow.Status.Nodes.Any(func(node wfv1.NodeStatus) bool {
		return node.Type == wfv1.NodeTypeRetry && hasFailed(node) && late(node.Message)
	})
}
