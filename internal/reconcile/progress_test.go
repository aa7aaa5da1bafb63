// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// TestProgress: what Argo publishes every second is in the status once a minute, and not
// at all for a short run.
func TestProgress(t *testing.T) {
	t.Parallel()
	start := reconciletest.Noon
	key, memory := reconciletest.State(t).Key, newProgressMemory()
	shownAt := func(second int, published string) string {
		workflow := object.DecodeWorkflow(reconciletest.Workflow("db", reconciletest.Run{Name: "full-1", Type: "full", Phase: "Running", Started: start}))
		workflow.Status.Progress = wfv1.Progress(published)
		now := start.Add(time.Duration(second) * time.Second)
		runs := outcome.ReadAll([]*wfv1.Workflow{workflow}, now)
		memory.hold(key, runs, now)
		return runs[0].Status.Progress
	}
	for _, step := range []struct {
		second          int
		published, want string
	}{
		{0, "", ""},
		{59, "10/100", ""},
		{60, "0/100", ""},
		{61, "11/100", "11%"},
		{62, "12/100", "11%"},
		{120, "40/100", "11%"},
		{121, "41/100", "41%"},
		{122, "42/100", "41%"},
		{400, "nonsense", ""},
		{401, "190/200", "95%"},
	} {
		if got := shownAt(step.second, step.published); got != step.want {
			t.Errorf("%s after %d s is shown as %q, want %q", step.published, step.second, got, step.want)
		}
	}
	memory.hold(key, nil, start)
	if len(memory.shown) > 0 {
		t.Errorf("%v is remembered of a cluster without a running backup", memory.shown)
	}
}
