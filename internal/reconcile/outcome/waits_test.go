// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// waitsAt adds a node that waits for a lock, as Argo writes it.
func waitsAt(lock, message string) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		w.Status.Nodes = wfv1.Nodes{
			"run":   {ID: "run", Type: wfv1.NodeTypeDAG, Phase: wfv1.NodeRunning},
			"run-1": {ID: "run-1", Type: wfv1.NodeTypeRetry, Phase: wfv1.NodePending, Message: message, SynchronizationStatus: &wfv1.NodeSynchronizationStatus{Waiting: lock}},
		}
	}
}

// TestWaitsFor: what a run waits for is on its node, and not what its status remembers.
func TestWaitsFor(t *testing.T) {
	t.Parallel()
	const all, mutex = "argo/ConfigMap/pgbackrest-caps/all", "db/Mutex/pgbackrest-shop"
	held := func(w *wfv1.Workflow) {
		w.Namespace = "db"
		w.Status.Synchronization = &wfv1.SynchronizationStatus{
			Mutex:     &wfv1.MutexStatus{Waiting: []wfv1.MutexHolding{{Mutex: mutex, Holder: "db/full-1/full-1-7"}}},
			Semaphore: &wfv1.SemaphoreStatus{Waiting: []wfv1.SemaphoreHolding{{Semaphore: all, Holders: []string{"x/a/b"}}}},
		}
	}
	works := pod("run", wfv1.NodeRunning, nil)
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		want     string
		isCap    bool
	}{
		"nothing":                    {makeWorkflow(wfv1.WorkflowRunning, works), "", false},
		"its cluster":                {makeWorkflow(wfv1.WorkflowRunning, held, waitsAt(mutex, "Waiting for db/Mutex/pgbackrest-shop lock. Lock status: 0/1")), "run full-1", false},
		"a lock of unknown holder":   {makeWorkflow(wfv1.WorkflowRunning, waitsAt(mutex, "")), "the lock " + mutex, false},
		"a cap":                      {makeWorkflow(wfv1.WorkflowRunning, held, waitsAt(all, "Waiting for argo/ConfigMap/pgbackrest-caps/all lock. Lock status: 0/3")), "one of the 3 slots of cap all (ConfigMap argo/pgbackrest-caps)", true},
		"a cap of one":               {makeWorkflow(wfv1.WorkflowRunning, waitsAt(all, "Waiting for x lock. Lock status: -1/1")), "the slot of cap all (ConfigMap argo/pgbackrest-caps)", true},
		"a cap of unknown size":      {makeWorkflow(wfv1.WorkflowRunning, waitsAt(all, "")), "a slot of cap all (ConfigMap argo/pgbackrest-caps)", true},
		"a cap in a database":        {makeWorkflow(wfv1.WorkflowRunning, waitsAt("argo/Database/all", "Waiting for argo/Database/all lock (argo/all). Lock status: 12/12")), "one of the 12 slots of cap argo/all (database)", true},
		"it has got the lock since":  {makeWorkflow(wfv1.WorkflowRunning, held, works), "", false},
		"before its first node":      {makeWorkflow(wfv1.WorkflowPending, held), "run full-1", false},
		"it was ended while waiting": {makeWorkflow(wfv1.WorkflowFailed, held, waitsAt(all, "")), "", false},
		"its node was ended": {makeWorkflow(wfv1.WorkflowRunning, waitsAt(all, ""), func(w *wfv1.Workflow) {
			node := w.Status.Nodes["run-1"]
			node.Phase = wfv1.NodeFailed
			w.Status.Nodes["run-1"] = node
		}), "", false},
	} {
		if got, wait := WaitsFor(tc.workflow), FindWait(tc.workflow); got != tc.want || wait.ForCap() != tc.isCap {
			t.Errorf("%s: waits for %q, a cap: %v; want %q, %v", name, got, wait.ForCap(), tc.want, tc.isCap)
		}
	}
}

// TestFindWaitOrder: a full that came last goes before an incr.
func TestFindWaitOrder(t *testing.T) {
	t.Parallel()
	at := func(priority *int32, second int) *Wait {
		return FindWait(makeWorkflow(wfv1.WorkflowRunning, waitsAt("argo/ConfigMap/pgbackrest-caps/all", ""), func(w *wfv1.Workflow) {
			w.Spec.Priority, w.CreationTimestamp = priority, metav1.NewTime(start.Add(time.Duration(second)*time.Second))
		}))
	}
	full, incr, manual := at(new(int32(20)), 9), at(new(int32(0)), 1), at(nil, 2)
	if full.Before(incr) >= 0 || incr.Before(manual) >= 0 || manual.Before(full) <= 0 || full.Before(full) != 0 {
		t.Errorf("the order is not that of Argo: %+v, %+v, %+v", full, incr, manual)
	}
}
