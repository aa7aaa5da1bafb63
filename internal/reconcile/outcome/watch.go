// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"errors"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// ReadWatch returns what a watch that has ended has found. Like a backup, it is good only
// if Argo calls its Workflow Succeeded and it has left its report.
func ReadWatch(workflow *wfv1.Workflow) (report.Watch, error) {
	if workflow.Status.Phase != wfv1.WorkflowSucceeded {
		return report.Watch{}, errors.New(report.OneLine(workflowMessage(workflow)))
	}
	return report.DecodeWatch(reportIn(workflow.Status.Outputs))
}
