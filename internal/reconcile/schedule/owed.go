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
// and may still do that, zero otherwise. Argo makes up for a slot that passed while its
// controller was down or while another run was running. Of an expression that it has never
// fired it starts no slot later than OwedTolerance. Where we cannot read what it has done
// nothing is owed.
//
// Source: shouldOutstandingWorkflowsBeRun of Argo 3.7, docs/adr/0016-missed-runs.md.
func Owed(cronWorkflow *unstructured.Unstructured, now time.Time) (slot time.Time, makesUp bool) {
	slot = TimetableOf(cronWorkflow).Latest(now)
	if slot.IsZero() || slot.Before(cronWorkflow.GetCreationTimestamp().Time) || object.Suspended(cronWorkflow) {
		return time.Time{}, false
	}
	fired := lastFired(cronWorkflow)
	makesUp = !fired.IsZero() && !isNew(cronWorkflow)
	if !fired.IsZero() && !fired.Before(slot) || !makesUp && !now.Before(slot.Add(OwedTolerance)) {
		return time.Time{}, false
	}
	return slot, makesUp
}

// lastFired is the newest slot whose run Argo has noted that it has started, zero without one.
func lastFired(cronWorkflow *unstructured.Unstructured) time.Time {
	text, _, _ := unstructured.NestedString(cronWorkflow.Object, "status", "lastScheduledTime")
	at, _ := time.Parse(time.RFC3339, text) // zero if absent
	return at
}

// isNew reports whether Argo has never fired the present expression of a CronWorkflow in its
// zone, as far as we can read that.
func isNew(cronWorkflow *unstructured.Unstructured) bool {
	var cron wfv1.CronWorkflow
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(cronWorkflow.Object, &cron)
	return err != nil || cron.IsUsingNewSchedule()
}

// RunOf is the name of the Workflow that Argo starts for a slot of a CronWorkflow.
//
// Source: getChildWorkflowName of Argo 3.7.
func RunOf(cronWorkflow *unstructured.Unstructured, slot time.Time) string {
	return fmt.Sprintf("%s-%d", cronWorkflow.GetName(), slot.Unix())
}
