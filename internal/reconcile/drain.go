// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Argo garbage-collects the Workflows of a CronWorkflow with it, and the pods
// of a Workflow with that: deleting a CronWorkflow kills a running backup. So
//
//	in force ─▶ suspended ─▶ no run of it, and no moment ago due ─▶ deleted
//
// Nothing but the objects themselves holds the place in that line, so a crash
// between any two of its steps changes nothing.

// labelCronWorkflow is Argo's, on every Workflow that a CronWorkflow started.
const labelCronWorkflow = "workflows.argoproj.io/cron-workflow"

// settle is for how long after a schedule was due a run may turn up that Argo
// started before it saw the suspension, or that our cache does not hold yet.
const settle = 30 * time.Second

// settledAt is when a suspended CronWorkflow can have no run that we do not see.
func settledAt(cronWorkflow *unstructured.Unstructured, now time.Time) time.Time {
	due := timetableOf(cronWorkflow).latest(now)
	if due.IsZero() {
		return now
	}
	return due.Add(settle)
}

// busy reports whether a run of a CronWorkflow goes on: one that Argo would
// delete with it, or one by hand of the same repo and type, which may have been
// started from it.
func busy(workflows []*wfv1.Workflow, cronWorkflow *unstructured.Unstructured) bool {
	for _, workflow := range workflows {
		if outcome.Running(workflow) && belongsTo(workflow, cronWorkflow) {
			return true
		}
	}
	return false
}

func belongsTo(workflow *wfv1.Workflow, cronWorkflow *unstructured.Unstructured) bool {
	labels, of := workflow.Labels, cronWorkflow.GetLabels()
	return startedBy(workflow, cronWorkflow) ||
		labels[vocab.LabelRepo] == of[vocab.LabelRepo] && labels[vocab.LabelType] == of[vocab.LabelType]
}

// startedBy: by the schedule, or by hand from it.
func startedBy(workflow *wfv1.Workflow, cronWorkflow *unstructured.Unstructured) bool {
	for _, owner := range workflow.OwnerReferences {
		if owner.Kind == cronWorkflowKind.Kind && owner.Name == cronWorkflow.GetName() {
			return true
		}
	}
	return workflow.Labels[labelCronWorkflow] == cronWorkflow.GetName()
}

func anyRunning(workflows []*wfv1.Workflow) bool {
	return slices.ContainsFunc(workflows, outcome.Running)
}

// hasSpec reports whether a user has written in a Stanza.
func hasSpec(stanza *stanzaflowv1alpha1.Stanza) bool {
	return stanza.Spec != stanzaflowv1alpha1.StanzaSpec{}
}
