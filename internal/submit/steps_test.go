// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestCompactIsOneStep: Argo does not see the steps of the form compact, so its pod is shown
// as a whole, and its one log is read, also where a cap has given its template another name.
func TestCompactIsOneStep(t *testing.T) {
	t.Parallel()
	for _, template := range []string{vocab.EntrypointBackupCompact, "capped-" + vocab.EntrypointBackupCompact} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			testCompactIsOneStep(t, template)
		})
	}
}

func testCompactIsOneStep(t *testing.T, template string) {
	t.Helper()
	workflow := &wfv1.Workflow{}
	workflow.Name, workflow.Status.Phase = "run-1", wfv1.WorkflowRunning
	workflow.Status.Nodes = wfv1.Nodes{
		"run-1":   {ID: "run-1", Name: "run-1", DisplayName: "run-1", Type: wfv1.NodeTypeRetry, TemplateName: template, Phase: wfv1.NodeRunning, Children: []string{"run-1-0"}},
		"run-1-0": {ID: "run-1-0", Name: "run-1(0)", DisplayName: "run-1(0)", Type: wfv1.NodeTypePod, TemplateName: template, Phase: wfv1.NodeRunning},
	}
	pods := podsOf(workflow)
	if len(pods) != 1 {
		t.Fatalf("%d pods", len(pods))
	}
	want := []step{{id: "run-1-0", container: "main", name: "backup-compact", phase: wfv1.NodeRunning}}
	if diff := cmp.Diff(want, pods[0].steps, cmp.AllowUnexported(step{})); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if got := where(workflow); got != "it is in step backup-compact" {
		t.Errorf("%s", got)
	}
	if pods[0].task != "" {
		t.Errorf("task %q", pods[0].task)
	}
}
