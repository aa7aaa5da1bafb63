// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// FoldPredeploy returns the newest pre-deploy run that has ended, the known one if no
// other is newer. The order of the runs does not matter.
func FoldPredeploy(known *stanzaflowv1alpha1.PredeployStatus, runs []Run) *stanzaflowv1alpha1.PredeployStatus {
	for i := range runs {
		run := &runs[i]
		if run.Kind != vocab.RunPredeploy || !Finished(&run.Status) {
			continue
		}
		if known != nil && newest(&known.RunStatus, &run.Status) == &known.RunStatus {
			continue
		}
		known = predeploy(run)
	}
	return known
}

func predeploy(run *Run) *stanzaflowv1alpha1.PredeployStatus {
	after := &stanzaflowv1alpha1.PredeployStatus{}
	if run.Predeploy != nil {
		after = run.Predeploy.DeepCopy()
	}
	after.RunStatus = *run.Status.DeepCopy()
	return after
}
