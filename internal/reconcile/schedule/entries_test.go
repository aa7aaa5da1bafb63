// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// makePass is a pass over a state with nothing left to do, changed.
func makePass(t *testing.T, change func(*Pass)) Pass {
	t.Helper()
	p := Pass{State: reconciletest.State(t), Now: reconciletest.Noon}
	p.InForce = p.State.Objects[object.CronWorkflow]
	change(&p)
	p.Plan = reconciletest.Planned(t, p.State).Plan
	for _, workflow := range p.State.Backups() {
		p.Runs = append(p.Runs, outcome.Read(workflow, p.Now))
	}
	return p
}

// ran adds a run to a pass.
func ran(name, backupType string, result stanzaflowv1alpha1.RunResult, started string) func(*Pass) {
	return func(p *Pass) { reconciletest.AddRun(&p.State, name, backupType, result, started) }
}

func TestSummaryNamesSeveralRepos(t *testing.T) {
	got := Summary([]stanzaflowv1alpha1.ScheduleStatus{
		{Repo: "repo2", Type: cpo.Full, Schedule: "b"}, {Repo: "repo1", Type: cpo.Incr, Schedule: "c"}, {Repo: "repo1", Type: cpo.Full, Schedule: "a"},
	})
	if want := "repo1 full a, repo1 incr c, repo2 full b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
