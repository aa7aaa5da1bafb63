// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// predeployEvents say how a pre-deploy run ended that the status before did not know.
func predeployEvents(before, after *stanzaflowv1alpha1.PredeployStatus) []Event {
	if after == nil || before != nil && runKey(&before.RunStatus) == runKey(&after.RunStatus) {
		return nil
	}
	run := &after.RunStatus
	e := Event{Type: corev1.EventTypeWarning, Reason: verdict(run), Action: actionRun, Related: workflowReference(run)}
	switch run.Result { //nolint:exhaustive // the note of the others has one form
	case stanzaflowv1alpha1.RunSucceeded:
		e.Type, e.Reason = corev1.EventTypeNormal, vocab.ReasonSucceeded
		e.Note = fmt.Sprintf("The database can be restored to restore point %s, from backup %s of %s, Workflow %s", after.RestorePoint, after.Label, run.Repo, run.Workflow)
	case stanzaflowv1alpha1.RunHeld:
		e.Note = fmt.Sprintf("Pre-deploy Workflow %s was held, so the deploy must wait: %s", run.Workflow, run.Message)
	default:
		e.Note = fmt.Sprintf("Pre-deploy Workflow %s ended without a proof, so the deploy must wait: %s", run.Workflow, run.Message)
	}
	return []Event{e}
}
