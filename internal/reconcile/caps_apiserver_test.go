//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const capLock = "argo/ConfigMap/pgbackrest-caps/all"

// waitForCap starts a run of the half-hourly schedule that waits for a slot.
func waitForCap(w *world) {
	w.Helper()
	w.create(withCapWait(w, w.runOf(reconciletest.Incr, cpo.Incr)))
}

func withCapWait(w *world, run *unstructured.Unstructured) *unstructured.Unstructured {
	run.Object["status"].(map[string]any)["nodes"] = map[string]any{"a": map[string]any{
		"id": "a", "name": "a", "displayName": "a", "type": "Retry", "templateName": "capped-backup", "phase": "Pending",
		"startedAt": w.clock.Now().UTC().Format(time.RFC3339), "finishedAt": nil,
		"message": "Waiting for " + capLock + " lock. Lock status: 0/3", "synchronizationStatus": map[string]any{"waiting": capLock},
	}}
	return run
}

// TestEveryClusterIsInTheQueue: the manager counts the runs of all clusters, also those that
// waited before it started.
func TestEveryClusterIsInTheQueue(t *testing.T) {
	w := startWorld(t)
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	other := withCapWait(w, reconciletest.Workflow(w.namespace, reconciletest.Run{Name: "full-of-another", Type: cpo.Full, Phase: "Running", Started: w.clock.Now()}))
	// No pass is for it, so that only the handler of all Workflows can know it.
	other.SetLabels(map[string]string{vocab.LabelCluster: "", vocab.LabelRepo: "repo1", vocab.LabelType: cpo.Full, vocab.LabelResult: string(vocab.ShownRunning)})
	other.Object["spec"].(map[string]any)["priority"] = int64(20)
	w.create(other)
	stop := w.startManager()
	defer stop()
	w.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
	waitForCap(w)
	eventually(t, func() error {
		const want = "one of the 3 slots of cap all (ConfigMap argo/pgbackrest-caps), position 2 of 2"
		if last := w.stanza().Status.LastRun; last == nil || last.WaitsFor != want {
			return fmt.Errorf("the last run is %s, want that it waits for %s", reconciletest.JSON(last), want)
		}
		return nil
	})
}

// TestWaitsForCap: the Stanza says how far its run is, writes nothing while the queue moves
// too fast, and once when its minute is over.
func TestWaitsForCap(t *testing.T) {
	w := startWorld(t)
	w.setUp(reconciletest.Postgresql(t, w.namespace))
	others := make([]types.NamespacedName, 3)
	for i := range others {
		others[i] = types.NamespacedName{Namespace: "other", Name: fmt.Sprintf("full-%d", i)}
		w.controller.positions.queues.See(others[i], &outcome.Wait{Lock: capLock, Priority: 20, Created: w.clock.Now()})
	}
	waitForCap(w)
	w.settle()
	check := func(position string) {
		t.Helper()
		status := w.stanza().Status
		want := "one of the 3 slots of cap all (ConfigMap argo/pgbackrest-caps), position " + position
		if entry := status.Schedules[1]; entry.LastRun == nil || entry.LastRun.WaitsFor != want || entry.Delayed != "run "+reconciletest.Incr+"-1 waits for "+want {
			t.Errorf("the schedule is %s, want that it waits for %s", reconciletest.JSON(entry), want)
		}
		if status.LastRun == nil || status.LastRun.WaitsFor != want {
			t.Errorf("the last run is %s", reconciletest.JSON(status.LastRun))
		}
	}
	check("4 of 4")
	w.recorder.take()
	w.controller.positions.queues.See(others[0], nil)
	w.wantQuiet()
	check("4 of 4")
	w.clock.SetTime(w.clock.Now().Add(time.Minute))
	if writes := w.reconcile(); writes != 1 {
		t.Errorf("%d writes for a position, want 1", writes)
	}
	check("3 of 3")
	w.clock.SetTime(w.clock.Now().Add(time.Minute))
	w.wantQuiet()
	result, err := w.controller.Reconcile(t.Context(), w.request())
	if err != nil || result.RequeueAfter <= 0 || result.RequeueAfter > time.Minute+time.Second {
		t.Errorf("looks again after %s, %v, want a minute", result.RequeueAfter, err)
	}
}
