// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testOutage takes Argo's controller away for several slots: afterwards one run of the
// schedule makes up for all of them.
func testOutage(t *testing.T) {
	k := kit.Start(t, "outage")
	wait.Until(t, 4*time.Minute, "the schedule has made a backup", func() (bool, string) {
		status := k.Stanza(t).Status
		return status.LastBackup != nil, fmt.Sprintf("%+v", status.LastRun)
	})

	program.RetryKubectl(t, "scale", "-n", "argo", "deployment/workflow-controller", "--replicas=0")
	back := func() {
		program.RetryKubectl(t, "scale", "-n", "argo", "deployment/workflow-controller", "--replicas=1")
	}
	defer back()
	away := time.Now()
	third := away.Truncate(time.Minute).Add(3 * time.Minute)
	wait.Until(t, 4*time.Minute, "three slots have passed", func() (bool, string) { return time.Now().After(third), time.Until(third).String() })
	back()
	returned := time.Now()
	wait.Until(t, 5*time.Minute, "a backup from after the outage", func() (bool, string) {
		status := k.Stanza(t).Status
		return status.LastBackup != nil && status.LastBackup.StartTime.After(returned.Add(-time.Second)), fmt.Sprintf("%+v", status.LastRun)
	})
	var made []string
	for _, at := range listSlots(t, k) {
		if at.After(away) && at.Before(returned) {
			made = append(made, at.Format(time.TimeOnly))
		}
	}
	if len(made) != 1 {
		t.Errorf("the outage was from %s to %s, and the slots %v have runs, want one", away.UTC().Format(time.TimeOnly), returned.UTC().Format(time.TimeOnly), made)
	}
}

// listSlots returns the slots that have a run.
func listSlots(t testing.TB, k *kit.Kit) []time.Time {
	t.Helper()
	var workflows wfv1.WorkflowList
	k.List(t, &workflows)
	var slots []time.Time
	for _, workflow := range workflows.Items {
		at, err := time.Parse(time.RFC3339, workflow.Annotations["workflows.argoproj.io/scheduled-time"])
		if err != nil {
			t.Fatalf("workflow %s: %v", workflow.Name, err)
		}
		slots = append(slots, at.UTC())
	}
	return slots
}
