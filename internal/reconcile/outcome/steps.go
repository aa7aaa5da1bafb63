// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"regexp"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

const (
	stepBackup = "backup"
	stepVerify = "verify"
)

// lastSteps are the steps of the container main, by the template of its pod. Argo takes
// outputs and exit code of a pod from that container, so it runs the last step. Where a cap
// puts a level around it, the template has a longer name, such as capped-backup.
var lastSteps = map[string]string{
	"backup": stepVerify, "predeploy-make": "restore-point", "predeploy-reuse": "restore-point", "stanza": "precheck",
}

// drillSteps are the templates of the steps of a drill, each of which is a pod.
var drillSteps = []string{"plan", "restore"}

// numbered matches the other containers, whose names are in the order of the steps.
var numbered = regexp.MustCompile(`^[1-9]-`)

// templateOfTask begins the names of the templates of the form dag. Each runs one step.
const templateOfTask = "dag-"

// StepOf returns the step that a node of a run is: a container of a pod, or in the form
// dag the pod of a task, or the node of its attempts. Empty for any other node, also for the
// pod of the form compact, which is all steps: its report says in which it ended.
func StepOf(node wfv1.NodeStatus) string {
	task, isTask := strings.CutPrefix(node.TemplateName, templateOfTask)
	switch {
	case node.Type == wfv1.NodeTypePod && slices.Contains(drillSteps, node.TemplateName):
		return node.TemplateName
	case node.Type == wfv1.NodeTypeContainer && node.DisplayName == "main":
		return lastStep(node.TemplateName)
	case node.Type == wfv1.NodeTypeContainer:
		return numbered.ReplaceAllString(node.DisplayName, "")
	case isTask && (node.Type == wfv1.NodeTypePod || node.Type == wfv1.NodeTypeRetry):
		return task
	}
	return ""
}

func lastStep(template string) string {
	for name, step := range lastSteps {
		if template == name || strings.HasSuffix(template, "-"+name) {
			return step
		}
	}
	return ""
}
