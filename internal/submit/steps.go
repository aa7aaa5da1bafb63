// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// pod is one pod of a run, with its steps in their order.
type pod struct {
	node wfv1.NodeStatus
	// task is the task of the DAG that the pod works on, empty without a DAG.
	task  string
	steps []step
}

// step is one step of a run. Argo calls all containers of a pod running at once; a
// step begins when the one before it has ended. In the form dag it is the pod. In the form
// compact the pod is all steps, because Argo does not see them.
type step struct {
	id, container string
	// name is what the documents call the step. A pre-deploy run has two pods with the
	// same steps, so there the task is before it.
	name  string
	phase wfv1.NodePhase
}

// containerOfTask is the only container of a pod of the form dag.
const containerOfTask = "main"

// podsOf returns the pods of a run in the order in which they were started.
func podsOf(workflow *wfv1.Workflow) []pod {
	nodes := slices.Collect(maps.Values(workflow.Status.Nodes))
	nodes = slices.DeleteFunc(nodes, func(n wfv1.NodeStatus) bool { return n.Type != wfv1.NodeTypePod })
	slices.SortFunc(nodes, func(a, b wfv1.NodeStatus) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt.Time), cmp.Compare(a.Name, b.Name))
	})
	pods := make([]pod, 0, len(nodes))
	for _, node := range nodes {
		task, _, _ := strings.Cut(node.DisplayName, "(")
		if task == workflow.Name || task == vocab.EntrypointBackup {
			task = "" // A cap puts the pod of a backup into a DAG of one task.
		}
		pods = append(pods, pod{node: node, task: task, steps: stepsOf(workflow, node, task)})
	}
	return pods
}

// stepsOf follows the containers of a pod, each of which depends on the one before it.
func stepsOf(workflow *wfv1.Workflow, of wfv1.NodeStatus, task string) []step {
	name := outcome.StepOf(of)
	// These pods have one container, too, and Argo does not see its steps. A cap puts the
	// compact one behind another name.
	switch {
	case of.TemplateName == string(vocab.RunWatch):
		name = of.TemplateName
	case of.TemplateName == vocab.EntrypointBackupCompact || strings.HasSuffix(of.TemplateName, "-"+vocab.EntrypointBackupCompact):
		name = vocab.EntrypointBackupCompact
	}
	if name != "" {
		return []step{{id: of.ID, container: containerOfTask, name: name, phase: of.Phase}}
	}
	var steps []step
	for node := of; len(node.Children) > 0 && len(steps) < len(workflow.Status.Nodes); {
		next, ok := workflow.Status.Nodes[node.Children[0]]
		if !ok || next.Type != wfv1.NodeTypeContainer {
			break
		}
		name := outcome.StepOf(next)
		if task != "" {
			name = task + "/" + name
		}
		steps = append(steps, step{id: next.ID, container: next.DisplayName, name: name, phase: next.Phase})
		node = next
	}
	return steps
}

// begun reports whether a pod has its containers.
func (p pod) begun() bool {
	return p.node.Phase == wfv1.NodeRunning || p.node.Phase.Completed()
}

// current returns the step that a pod works on, nil if it works on none.
func (p pod) current() *step {
	if p.node.Phase != wfv1.NodeRunning {
		return nil
	}
	for i := range p.steps {
		if !p.steps[i].phase.Completed() {
			return &p.steps[i]
		}
	}
	return nil
}

// where says what a run is doing, for a message about one that is not over.
func where(workflow *wfv1.Workflow) string {
	pods := podsOf(workflow)
	for _, p := range slices.Backward(pods) {
		if s := p.current(); s != nil {
			return "it is in step " + s.name
		}
	}
	switch holder := outcome.WaitsFor(workflow); {
	case holder != "":
		return "it waits for " + holder
	case workflow.Status.Phase == "":
		return "Argo's workflow controller has not looked at it yet: is it running?"
	}
	return "its pod is not running: kubectl describe of the Workflow says why"
}
