// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argoui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/page"
)

// Buttons lists the buttons above a run.
func Buttons(workflow *wfv1.Workflow, links []wfv1.Link) []string {
	var all []string
	phase := workflow.Status.Phase
	if phase == wfv1.WorkflowFailed || phase == wfv1.WorkflowError {
		all = append(all, "RETRY")
	}
	all = append(all, "RESUBMIT")
	if phase == wfv1.WorkflowRunning {
		all = append(all, "SUSPEND", "STOP", "TERMINATE")
	}
	all = append(all, "DELETE", "LOGS", "SHARE")
	for _, link := range links {
		if link.Scope == "workflow" {
			all = append(all, strings.ToUpper(link.Name))
		}
	}
	for _, key := range []string{"workflow-template", "cron-workflow"} {
		if workflow.Labels["workflows.argoproj.io/"+key] != "" {
			all = append(all, "PREVIOUS RUNS")
			break
		}
	}
	if workflow.Spec.WorkflowTemplateRef != nil {
		all = append(all, "OPEN WORKFLOW TEMPLATE")
	}
	return all
}

// Summary writes the first tab of a run, without times.
func Summary(workflow *wfv1.Workflow) string {
	labels := make([]string, 0, len(workflow.Labels))
	for _, key := range slices.Sorted(maps.Keys(workflow.Labels)) {
		labels = append(labels, "`"+key+"` "+workflow.Labels[key])
	}
	rows := [][]string{
		{"", ""},
		{"Status", icon(string(workflow.Status.Phase)) + " " + string(workflow.Status.Phase)},
		{"Message", workflow.Status.Message},
		{"Name", workflow.Name},
		{"From", from(workflow)},
		{"Labels", strings.Join(labels, "<br>")},
		{"Progress", or(string(workflow.Status.Progress), "-")},
	}
	parameters := make([]string, 0, len(workflow.Spec.Arguments.Parameters))
	for _, p := range workflow.Spec.Arguments.Parameters {
		parameters = append(parameters, p.Name+" = "+p.GetValue())
	}
	rows = append(rows, []string{"Parameters", strings.Join(parameters, "<br>")})
	return page.Rows(rows)
}

// from is where a run comes from, by its labels.
func from(workflow *wfv1.Workflow) string {
	for _, kind := range []string{"workflow-template", "cron-workflow"} {
		if name := workflow.Labels["workflows.argoproj.io/"+kind]; name != "" {
			return name
		}
	}
	return "-"
}

// Root is the node on top of the graph.
func Root(workflow *wfv1.Workflow) (wfv1.NodeStatus, bool) {
	for _, node := range workflow.Status.Nodes {
		if node.Name == workflow.Name {
			return node, true
		}
	}
	return wfv1.NodeStatus{}, false
}

// Nodes returns the nodes of the graph from top to bottom: each once, after the one that
// it depends on.
func Nodes(workflow *wfv1.Workflow) []wfv1.NodeStatus {
	root, ok := Root(workflow)
	if !ok {
		return nil
	}
	var all []wfv1.NodeStatus
	seen := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		node, ok := workflow.Status.Nodes[id]
		if !ok || seen[id] {
			return
		}
		seen[id] = true
		all = append(all, node)
		children := slices.Clone(node.Children)
		slices.SortStableFunc(children, func(a, b string) int {
			return cmp.Compare(workflow.Status.Nodes[a].Name, workflow.Status.Nodes[b].Name)
		})
		for _, child := range children {
			visit(child)
		}
	}
	visit(root.ID)
	return all
}

// Graph writes the nodes with their phases, and below each what its panel says: the
// message, and for a lock what it waits for.
func Graph(workflow *wfv1.Workflow) string {
	var b strings.Builder
	for _, node := range Nodes(workflow) {
		indent := strings.Repeat("  ", depth(workflow, node))
		fmt.Fprintf(&b, "%s%s %s (%s)\n", indent, icon(string(node.Phase)), node.DisplayName, node.Type)
		message := node.Message
		if node.SynchronizationStatus != nil && node.SynchronizationStatus.Waiting != "" {
			message = strings.TrimSpace(message + "\nwaits for " + node.SynchronizationStatus.Waiting)
		}
		for line := range strings.Lines(message) {
			fmt.Fprintf(&b, "%s    %s\n", indent, strings.TrimSpace(line))
		}
	}
	return b.String()
}

// depth counts what a node is part of: the DAG, the retries of a step, the pod.
func depth(workflow *wfv1.Workflow, node wfv1.NodeStatus) int {
	n := 0
	if isAttempt(node) {
		n = 1
	}
	if boundary, ok := workflow.Status.Nodes[node.BoundaryID]; ok && boundary.ID != node.ID {
		n += 1 + depth(workflow, boundary)
	}
	return n
}

// Parameters writes a list of parameters of a node's panel.
func Parameters(parameters []wfv1.Parameter) string {
	rows := [][]string{{"Name", "Value"}}
	for _, p := range parameters {
		value := ""
		if p.Value != nil {
			value = p.Value.String()
		}
		if strings.HasPrefix(value, "{") {
			value = "`" + cut(value, 40) + "`"
		}
		rows = append(rows, []string{p.Name, value})
	}
	return page.Rows(rows)
}

// WithOutputs finds the node whose outputs say how the run ended: the root or, in form
// dag, the last step. It leaves out attempts, because the step has their outputs.
func WithOutputs(workflow *wfv1.Workflow) (found wfv1.NodeStatus, ok bool) {
	for _, node := range Nodes(workflow) {
		if node.Outputs != nil && len(node.Outputs.Parameters) > 0 && !isAttempt(node) {
			found, ok = node, true
		}
	}
	return found, ok
}

// WithInputs finds the first node with input parameters: only form dag has one.
func WithInputs(workflow *wfv1.Workflow) (wfv1.NodeStatus, bool) {
	for _, node := range Nodes(workflow) {
		if node.Inputs != nil && len(node.Inputs.Parameters) > 0 {
			return node, true
		}
	}
	return wfv1.NodeStatus{}, false
}

// isAttempt says whether a node is one of the tries of another.
func isAttempt(node wfv1.NodeStatus) bool { return strings.HasSuffix(node.Name, ")") }

// Link returns the address behind a button of the settings, with what the UI puts into it.
func Link(link wfv1.Link, workflow *wfv1.Workflow) string {
	url := strings.ReplaceAll(link.URL, "${metadata.namespace}", workflow.Namespace)
	for key, value := range workflow.Labels {
		url = strings.ReplaceAll(url, "${workflow.metadata.labels."+key+"}", value)
	}
	return url
}

// Containers lists the containers of a pod that LOGS offers, without Argo's own.
func Containers(workflow *wfv1.Workflow, node wfv1.NodeStatus) []string {
	template := workflow.GetTemplateByName(node.TemplateName)
	if stored := workflow.Status.StoredWorkflowSpec; template == nil && stored != nil {
		for i := range stored.Templates {
			if stored.Templates[i].Name == node.TemplateName {
				template = &stored.Templates[i]
			}
		}
	}
	if template == nil || template.ContainerSet == nil {
		return []string{"main"}
	}
	var names []string
	for _, container := range template.ContainerSet.Containers {
		names = append(names, container.Name)
	}
	return names
}

// CronTitle is what the list of CronWorkflows shows as the name of one.
func CronTitle(cron *wfv1.CronWorkflow) string {
	title := or(cron.Annotations[annotationTitle], cron.Name)
	if description := cron.Annotations[annotationDescription]; description != "" {
		title += ", below it: " + description
	}
	return title
}
