// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// OwedTolerance is how long Argo may need for a slot that has just passed.
const OwedTolerance = overdueTolerance

// Owed is the newest slot of a CronWorkflow if Argo has not noted that it has started its run
// and may still do that, zero otherwise. It makes up for a slot that passed while its
// controller was down or while another run was running. For the slots of a schedule that is
// new to it it does not: it may only be late by OwedTolerance. Where we cannot read what it
// has done nothing is owed.
//
// Source: shouldOutstandingWorkflowsBeRun of Argo 3.7, docs/adr/0016-missed-runs.md.
func Owed(cronWorkflow *unstructured.Unstructured, now time.Time) (slot time.Time, makesUp bool) {
	slot = TimetableOf(cronWorkflow).Latest(now)
	if slot.IsZero() || slot.Before(cronWorkflow.GetCreationTimestamp().Time) || object.Suspended(cronWorkflow) {
		return time.Time{}, false
	}
	var cron wfv1.CronWorkflow
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(cronWorkflow.Object, &cron); err != nil {
		return time.Time{}, false
	}
	fired := cron.Status.LastScheduledTime
	makesUp = fired != nil && !cron.IsUsingNewSchedule()
	if fired != nil && !fired.Time.Before(slot) || !makesUp && !now.Before(slot.Add(OwedTolerance)) {
		return time.Time{}, false
	}
	return slot, makesUp
}

// RunOf is the name of the Workflow that Argo starts for a slot of a CronWorkflow.
//
// Source: getChildWorkflowName of Argo 3.7.
func RunOf(cronWorkflow *unstructured.Unstructured, slot time.Time) string {
	return fmt.Sprintf("%s-%d", cronWorkflow.GetName(), slot.Unix())
}
