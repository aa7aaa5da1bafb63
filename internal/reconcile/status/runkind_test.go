// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestStatusShowsBackupRunsOnly: a Workflow of another kind has the labels of the
// cluster, and is the newest.
func TestStatusShowsBackupRunsOnly(t *testing.T) {
	p := makePass(t, func(p *Pass) {
		ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z")(p)
		ran("drill-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T03:30:00Z")(p)
		for _, workflow := range p.State.Workflows {
			if workflow.Name == "drill-1" {
				workflow.Labels[vocab.LabelKind] = "drill"
			}
		}
	})
	status, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
	if status.LastRun == nil || status.LastRun.Workflow != "full-1" || status.LastBackup == nil || status.LastBackup.Workflow != "full-1" {
		t.Errorf("last run %s, last backup %s; want those of full-1", reconciletest.JSON(status.LastRun), reconciletest.JSON(status.LastBackup))
	}
	if run := status.Schedules[0].LastRun; run == nil || run.Workflow != "full-1" {
		t.Errorf("the last run of the schedule is %s", reconciletest.JSON(run))
	}
}
