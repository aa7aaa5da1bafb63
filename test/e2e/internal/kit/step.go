// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"regexp"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
)

// StepsOf returns the steps that a container of a run does, in their order and by its
// command line: the names of pods and containers depend on the form of the run. That is
// one, all of them in the form compact, and none for a container of Argo.
func StepsOf(container corev1.Container) []string {
	argv := slices.Concat(container.Command, container.Args)
	i := slices.Index(argv, "step")
	if i < 0 {
		return nil
	}
	steps := argv[i+1:]
	if flag := slices.IndexFunc(steps, func(arg string) bool { return strings.HasPrefix(arg, "-") }); flag >= 0 {
		steps = steps[:flag]
	}
	return steps
}

// StepsBegun returns the steps that have begun by the log of a container that does several:
// each has a line there.
func StepsBegun(log []byte) (steps []string) {
	for _, line := range stepBegins.FindAllSubmatch(log, -1) {
		steps = append(steps, string(line[1]))
	}
	return steps
}

var stepBegins = regexp.MustCompile(`(?m)^[0-9T:-]+Z step ([a-z-]+)$`)

// StepNode returns the newest attempt of a step. That is the node of a container in the form
// pod, and of a pod in the form dag. In the form compact it is the pod of all steps, so that
// its phase is not that of the step. It is nil if the step never began.
func StepNode(workflow *wfv1.Workflow, step string) *wfv1.NodeStatus {
	var newest *wfv1.NodeStatus
	for _, attempt := range StepNodes(workflow, step) {
		if newest == nil || attempt.StartedAt.After(newest.StartedAt.Time) {
			newest = &attempt
		}
	}
	return newest
}

// StepNodes returns all attempts of a step.
func StepNodes(workflow *wfv1.Workflow, step string) []wfv1.NodeStatus {
	var attempts []wfv1.NodeStatus
	for _, node := range workflow.Status.Nodes {
		if container := containerOf(workflow, node); container != nil && slices.Contains(StepsOf(*container), step) {
			attempts = append(attempts, node)
		}
	}
	return attempts
}

// containerOf returns what a node executes. It is nil for a node that only groups others.
func containerOf(workflow *wfv1.Workflow, node wfv1.NodeStatus) *corev1.Container {
	if workflow.Status.StoredWorkflowSpec == nil {
		return nil
	}
	for _, template := range workflow.Status.StoredWorkflowSpec.Templates {
		if template.Name != node.TemplateName {
			continue
		}
		if node.Type == wfv1.NodeTypePod {
			return template.Container
		}
		for _, c := range template.ContainerSet.GetContainers() {
			if node.Type == wfv1.NodeTypeContainer && c.Name == node.DisplayName {
				return &c
			}
		}
	}
	return nil
}
