// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// TestOutputs is what a person reads in Argo. What is not said is empty, so that nothing
// of an earlier report stays.
func TestOutputs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
	backup := &report.Backup{
		Label: "20260301-010000F", Start: at, Stop: at.Add(83 * time.Second), DatabaseBytes: 22992758, RepoDeltaBytes: 4534133,
		WALStart: "000000010000000000000008", WALStop: "000000010000000000000009",
	}
	nothing := map[string]string{
		"result": "", "message": "", "size": "", "duration": "", "wal": "", "recoverable-from": "", "runbook": "",
		"backup-label": "", "retention": "", "restore-point": "", "restore": "", "fresh": "false",
	}
	const runbook = "https://github.com/stanzaflow/stanzaflow/blob/main/docs/runbook.md"
	proven := map[string]string{
		"result": "Succeeded", "backup-label": "20260301-010000F", "size": "4.3 MB added to repo1, of a database of 21.9 MB", "duration": "1m23s",
		"wal": "000000010000000000000008 to 000000010000000000000009", "recoverable-from": "2026-03-01T01:01:23Z",
	}
	for name, tc := range map[string]struct {
		report report.Report
		want   []map[string]string
	}{
		"a run that has not ended": {
			report.Report{Result: stanzaflowv1alpha1.RunUnknown, Message: "the run ended before it could say how"},
			[]map[string]string{{"result": "Unknown", "message": "the run ended before it could say how"}},
		},
		"a proven backup": {
			report.Report{Result: stanzaflowv1alpha1.RunSucceeded, Repo: "repo1", Backup: backup, Retention: &report.Retention{}},
			[]map[string]string{proven, {"retention": "Succeeded"}},
		},
		"a proven backup, and expire failed": {
			report.Report{Result: stanzaflowv1alpha1.RunSucceeded, Repo: "repo1", Backup: backup, Retention: &report.Retention{Failed: true, Code: 55, Message: "it failed"}},
			[]map[string]string{proven, {"retention": "Failed: it failed", "runbook": runbook + "#055-file-missing"}},
		},
		"a restore point": {
			report.Report{
				Result: stanzaflowv1alpha1.RunSucceeded, Repo: "repo1", Backup: backup,
				Predeploy: &report.Predeploy{RestorePoint: "predeploy-1", Restore: "pgbackrest restore"},
			},
			[]map[string]string{proven, {"restore-point": "predeploy-1", "restore": "pgbackrest restore", "fresh": "true"}},
		},
		"a step that failed": {
			report.Report{Result: stanzaflowv1alpha1.RunFailed, Step: "verify", Message: "not proven"},
			[]map[string]string{{"result": "Failed", "message": "not proven", "runbook": runbook + "#verify"}},
		},
		"a run that is held": {
			report.Report{Result: stanzaflowv1alpha1.RunHeld, Step: "precheck", Message: "the gate is false"},
			[]map[string]string{{"result": "Held", "message": "the gate is false", "runbook": runbook + "#precheck"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[string]string{}
			for _, values := range append([]map[string]string{nothing}, tc.want...) {
				maps.Copy(want, values)
			}
			if diff := cmp.Diff(want, outputs(tc.report)); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}
