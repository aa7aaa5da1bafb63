// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alongside

import (
	"fmt"
	"slices"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
)

// unhealthy says why our CronWorkflow cannot make the backups, empty if it can.
func (d *decision) unhealthy() string {
	template := d.state.Template
	switch {
	case !d.state.ArgoInstalled:
		return "Argo Workflows is not installed"
	case !template.Found:
		return "there is no WorkflowTemplate " + template.Name
	case !template.Usable():
		return "WorkflowTemplate " + template.Name + " is not usable"
	case d.want != nil && d.state.Foreign[object.ID(d.want)]:
		return object.ID(d.want) + " is not managed by Stanzaflow"
	case d.have == nil:
		return "CronWorkflow " + d.CronWorkflow + " does not exist"
	}
	if verdict := object.Verdict(d.have); verdict != "" {
		return fmt.Sprintf("Argo does not run %s: %s", object.ID(d.have), verdict)
	}
	if d.idle() {
		return "Argo has not started " + object.ID(d.have) + " in its slot; look at Argo's workflow controller"
	}
	return ""
}

// idle reports whether Argo does not start our CronWorkflow: a slot has passed and
// there is no run of it. While it is held for that, the annotation that Argo writes
// at every slot shows whether Argo is back.
func (d *decision) idle() bool {
	if object.Suspended(d.have) {
		mark, marked := d.have.GetAnnotations()[object.AnnotationLastUsed]
		return marked && mark == ""
	}
	due, _ := schedule.TimetableOf(d.have).DueAt(d.now)
	if due.IsZero() || due.Before(schedule.ChangedAt(d.have)) {
		return false
	}
	from := due.Add(-schedule.ClockSkew)
	if slices.ContainsFunc(d.state.Workflows, func(workflow *wfv1.Workflow) bool {
		return object.StartedBy(workflow, d.have) && (outcome.Running(workflow) || !workflow.CreationTimestamp.Time.Before(from))
	}) {
		return false
	}
	return !d.ran(from)
}

// holdIdle marks a CronWorkflow that Argo does not start.
func (d *decision) holdIdle() {
	if d.Hold && d.have != nil && !object.Suspended(d.have) && d.idle() {
		d.add(object.Action{Verb: object.Hold, Have: d.have})
	}
}
