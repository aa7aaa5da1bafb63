// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// TestStepOf holds the names of the nodes against the steps that they run.
func TestStepOf(t *testing.T) {
	t.Parallel()
	const container, pod, retry = wfv1.NodeTypeContainer, wfv1.NodeTypePod, wfv1.NodeTypeRetry
	for _, tc := range []struct {
		kind              wfv1.NodeType
		template, display string
		want              string
	}{
		{container, "backup", "1-begin", "begin"},
		{container, "backup", "3-backup", "backup"},
		{container, "backup", "main", "verify"},
		{container, "stanza", "main", "precheck"},
		{container, "predeploy-reuse", "main", "restore-point"},
		{container, "predeploy-make", "5-verify", "verify"},
		{container, "predeploy-make", "main", "restore-point"},
		{container, "capped-backup", "main", "verify"},
		{container, "fleet-backup", "4-expire", "expire"},
		{container, "capped-predeploy-make", "main", "restore-point"},
		{pod, "backup", "run-1(0)", ""},
		{pod, "capped-backup", "backup(0)", ""},
		{retry, "backup", "backup", ""},
		{pod, "dag-verify", "verify(1)", "verify"},
		{retry, "dag-backup", "backup", "backup"},
		{wfv1.NodeTypeDAG, "backup-dag", "run-1", ""},
		{pod, "backup-compact", "run-1(0)", ""},
	} {
		if got := StepOf(wfv1.NodeStatus{Type: tc.kind, TemplateName: tc.template, DisplayName: tc.display}); got != tc.want {
			t.Errorf("%s %s of template %s is step %q, want %q", tc.kind, tc.display, tc.template, got, tc.want)
		}
	}
}
