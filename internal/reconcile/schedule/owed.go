// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// Owed is the newest slot of a CronWorkflow if Argo has not started its run and may still do
// that, and until when it may. Until is zero if it starts the run as soon as it can: it makes
// up for a slot that passed while its controller was down or while another run was running.
// For the slots of a schedule that is new to it Argo does not, and where we cannot read what
// it has done nothing is owed. Slot is zero if nothing is.
//
// Source: shouldOutstandingWorkflowsBeRun of Argo 3.7, docs/adr/0016-missed-runs.md.
func Owed(cronWorkflow *unstructured.Unstructured, now time.Time) (slot, until time.Time) {
	slot = TimetableOf(cronWorkflow).Latest(now)
	if slot.IsZero() || slot.Before(cronWorkflow.GetCreationTimestamp().Time) || object.Suspended(cronWorkflow) {
		return time.Time{}, time.Time{}
	}
	var cron wfv1.CronWorkflow
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(cronWorkflow.Object, &cron); err != nil {
		return time.Time{}, time.Time{}
	}
	fired := cron.Status.LastScheduledTime
	switch end := slot.Add(overdueTolerance); {
	case fired != nil && !fired.Time.Before(slot):
		return time.Time{}, time.Time{}
	case fired != nil && !cron.IsUsingNewSchedule():
		return slot, time.Time{}
	case now.Before(end):
		return slot, end
	}
	return time.Time{}, time.Time{}
}
