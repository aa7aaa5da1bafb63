// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// delayed says what a schedule waits for: its run for another run, its next slot
// for its own run. It is empty if the schedule does not wait.
func delayed(cronWorkflow *unstructured.Unstructured, backups []*wfv1.Workflow, now time.Time) string {
	var waits []string
	for _, workflow := range backups {
		if !outcome.Running(workflow) || !object.StartedBy(workflow, cronWorkflow) {
			continue
		}
		if what := outcome.WaitsFor(workflow); what != "" {
			waits = append(waits, "run "+workflow.Name+" waits for "+what)
		}
		if slot := outlived(workflow, cronWorkflow, now); !slot.IsZero() {
			waits = append(waits, "the slot of "+slot.Format(time.RFC3339)+" starts when run "+workflow.Name+" ends")
		}
	}
	return strings.Join(waits, "; ")
}

// outlived is the newest slot that has passed since a run was started, zero
// without one. When the run ends, Argo starts that slot, and none before it.
func outlived(workflow *wfv1.Workflow, cronWorkflow *unstructured.Unstructured, now time.Time) time.Time {
	if object.Suspended(cronWorkflow) {
		return time.Time{}
	}
	slot := TimetableOf(cronWorkflow).Latest(now)
	if !slot.After(workflow.CreationTimestamp.Add(ClockSkew)) {
		return time.Time{}
	}
	return slot
}
