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

// waitsFor is what each run waits for, by its Workflow.
func waitsFor(runs []outcome.Run) map[string]string {
	waits := map[string]string{}
	for i := range runs {
		if what := runs[i].Status.WaitsFor; what != "" {
			waits[runs[i].Status.Workflow] = what
		}
	}
	return waits
}

// delayed says what a schedule waits for: its run for another run or for a slot, its next
// slot for its own run. It is empty if the schedule does not wait.
func delayed(cronWorkflow *unstructured.Unstructured, backups []*wfv1.Workflow, waitsFor map[string]string, now time.Time) string {
	var waits []string
	for _, workflow := range backups {
		if !outcome.Running(workflow) || !object.StartedBy(workflow, cronWorkflow) {
			continue
		}
		if what := waitsFor[workflow.Name]; what != "" {
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
