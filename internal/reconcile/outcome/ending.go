// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// Words of Argo in the status of a Workflow that it has ended itself.
const (
	argoStopped       = "Stopped with strategy '"
	argoDeadline      = "Step exceeded its deadline"
	argoRetryDeadline = "retry exceeded workflow deadline"
)

// ending says that Argo has ended a run, and why, in words of a person. It is
// empty for a run that ended by itself. Argo does not publish what such a run
// had to say; if anything tells of its backup, it is an event.
func ending(workflow *wfv1.Workflow) string {
	message := workflow.Status.Message
	if strategy, ok := strings.CutPrefix(message, argoStopped); ok {
		command := "argo terminate"
		if strings.HasPrefix(strategy, string(wfv1.ShutdownStrategyStop)) {
			command = "argo stop"
		}
		if backedUp(workflow) {
			// Between two steps none is at work that could tell by an event.
			return "the run was stopped (" + command + ") when its step backup had succeeded, before the backup was proven; pgbackrest info lists it"
		}
		return "the run was stopped (" + command + "); if it had begun a backup, kubectl describe of the Workflow says what became of it"
	}
	pod := newestFailedPod(workflow)
	if message == argoDeadline || strings.HasPrefix(message, argoRetryDeadline) || pod != nil && pod.Message == argoDeadline {
		return "the run was not over by activeDeadlineSeconds, so Argo ended it; kubectl describe of the Workflow may say more"
	}
	return ""
}

func backedUp(workflow *wfv1.Workflow) bool {
	return workflow.Status.Nodes.Any(func(node wfv1.NodeStatus) bool {
		return node.Type == wfv1.NodeTypeContainer && node.DisplayName == "backup" && node.Phase == wfv1.NodeSucceeded
	})
}
