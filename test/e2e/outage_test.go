// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// testOutage: after an outage of Argo's controller over several slots, one run of
// the schedule makes up for all of them.
func testOutage(t *testing.T) {
	t.Helper()
	k := newKit(t, "e2e-outage")
	k.apply(t, "outage")
	k.podReady(t, primary)
	eventually(t, 4*minute, "the schedule has made a backup", func() (bool, string) {
		status := k.stanza(t, "cluster").Status
		return status.LastBackup != nil, fmt.Sprintf("%+v", status.LastRun)
	})

	kubectlSoon(t, "scale", "-n", "argo", "deployment/workflow-controller", "--replicas=0")
	back := func() {
		kubectlSoon(t, "scale", "-n", "argo", "deployment/workflow-controller", "--replicas=1")
	}
	defer back()
	away := time.Now()
	third := away.Truncate(minute).Add(3 * minute)
	eventually(t, 4*minute, "three slots have passed", func() (bool, string) { return time.Now().After(third), time.Until(third).String() })
	back()
	returned := time.Now()
	eventually(t, 5*minute, "a backup of after the outage", func() (bool, string) {
		status := k.stanza(t, "cluster").Status
		return status.LastBackup != nil && status.LastBackup.StartTime.After(returned.Add(-time.Second)), fmt.Sprintf("%+v", status.LastRun)
	})
	var made []string
	for _, at := range k.slots(t) {
		if at.After(away) && at.Before(returned) {
			made = append(made, at.Format(time.TimeOnly))
		}
	}
	if len(made) != 1 {
		t.Errorf("the outage was from %s to %s, and there are runs for the slots %v, want one", away.UTC().Format(time.TimeOnly), returned.UTC().Format(time.TimeOnly), made)
	}
}

// slots are those for which there are runs.
func (k *kit) slots(t testing.TB) []time.Time {
	t.Helper()
	var workflows wfv1.WorkflowList
	if err := k.List(t.Context(), &workflows, client.InNamespace(k.namespace)); err != nil {
		t.Fatal(err)
	}
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
