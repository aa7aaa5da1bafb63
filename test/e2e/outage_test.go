// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testOutage takes Argo's controller away for several slots: afterwards one run of the
// schedule makes up for all of them.
func testOutage(t *testing.T) {
	k := startEveryMinute(t, "outage")

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
	awaitBackupSince(t, k, returned)
	if made := slotsWithRun(t, k, away, returned); len(made) != 1 {
		t.Errorf("the outage was from %s to %s, and the slots %v have runs, want one", away.UTC().Format(time.TimeOnly), returned.UTC().Format(time.TimeOnly), made)
	}
	restoreToTheEnd(t, k)
}

// startEveryMinute starts a cluster with one schedule, which fires every minute, and waits
// until that has made a backup.
func startEveryMinute(t *testing.T, story string) *kit.Kit {
	t.Helper()
	k := kit.New(t, "e2e-"+story)
	k.Apply(t, "outage", "e2e-outage", k.Namespace)
	k.CreateAccounts(t)
	awaitBackupSince(t, k, time.Time{})
	return k
}

// restoreToTheEnd restores the newest backup with all WAL, and compares the data.
func restoreToTheEnd(t *testing.T, k *kit.Kit) {
	t.Helper()
	want := k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	k.RestoreAndCompare(t, want, "restored", "--repo=1")
}

// awaitBackupSince waits until the Stanza has a backup that began after a moment. The
// clock of a backup has no fractions of a second.
func awaitBackupSince(t *testing.T, k *kit.Kit, moment time.Time) {
	t.Helper()
	wait.Until(t, 5*time.Minute, "the schedule has made a backup", func() (bool, string) {
		status := k.Stanza(t).Status
		return status.LastBackup != nil && status.LastBackup.StartTime.After(moment.Add(-time.Second)), fmt.Sprintf("%+v", status.LastRun)
	})
}

// slotsWithRun returns the slots from a moment to another that have a run, with their
// times of day.
func slotsWithRun(t testing.TB, k *kit.Kit, from, to time.Time) []string {
	t.Helper()
	workflows := listScheduled(t, k)
	var slots []string
	for i := range workflows {
		if at := slotOf(t, &workflows[i]); !at.Before(from) && at.Before(to) {
			slots = append(slots, at.Format(time.TimeOnly))
		}
	}
	slices.Sort(slots)
	return slots
}

// listScheduled lists the runs that a schedule has started. The operator also starts one
// that makes the stanza.
func listScheduled(t testing.TB, k *kit.Kit) []wfv1.Workflow {
	t.Helper()
	var workflows wfv1.WorkflowList
	k.List(t, &workflows, client.MatchingLabels{vocab.LabelTrigger: vocab.TriggerSchedule})
	return workflows.Items
}

// slotOf returns the time for which Argo has submitted a run.
func slotOf(t testing.TB, workflow *wfv1.Workflow) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, workflow.Annotations["workflows.argoproj.io/scheduled-time"])
	if err != nil {
		t.Fatalf("workflow %s: %v", workflow.Name, err)
	}
	return at.UTC()
}
