// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alongside

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// Actions are those of all handovers.
func Actions(handovers []Handover) []object.Action {
	var actions []object.Action
	for _, h := range handovers {
		actions = append(actions, h.Actions...)
	}
	return actions
}

// Wake is when to look again although nothing may have changed, zero if never.
func Wake(handovers []Handover) time.Time {
	var wake time.Time
	for _, h := range handovers {
		wake = object.Earliest(wake, h.Wake)
	}
	return wake
}

// Status is status.cronJobs.
func Status(handovers []Handover) []stanzaflowv1alpha1.CronJobStatus {
	var entries []stanzaflowv1alpha1.CronJobStatus
	for _, h := range handovers {
		entries = append(entries, h.Status)
	}
	return entries
}

// Hold returns the plan with the CronWorkflows suspended whose backups CPO makes, or
// is to make.
func Hold(planned object.Planned, handovers []Handover) object.Planned {
	planned.Held, planned.Pending = map[string]bool{}, map[string]bool{}
	for _, h := range handovers {
		planned.Pending[h.CronWorkflow] = h.Pending
		if h.Hold {
			planned.Held[h.CronWorkflow] = true
		}
	}
	cronWorkflows := make([]*unstructured.Unstructured, 0, len(planned.CronWorkflows))
	for _, o := range planned.CronWorkflows {
		if planned.Held[o.GetName()] {
			o = object.AsSuspended(o)
		}
		cronWorkflows = append(cronWorkflows, o)
	}
	planned.CronWorkflows = cronWorkflows
	return planned
}
