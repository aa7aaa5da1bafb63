// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// waitingForCap is a Workflow as it comes out of the cache.
func waitingForCap(t *testing.T, namespace, name string, priority int, created time.Time) *unstructured.Unstructured {
	t.Helper()
	const lock = "argo/ConfigMap/pgbackrest-caps/all"
	w := reconciletest.Workflow("db", reconciletest.Run{Name: name, Type: "full", Phase: "Running", Started: created})
	w.SetNamespace(namespace)
	w.Object["metadata"].(map[string]any)["creationTimestamp"] = created.UTC().Format(time.RFC3339)
	w.Object["spec"] = map[string]any{"priority": int64(priority), "entrypoint": "backup"}
	w.Object["status"].(map[string]any)["nodes"] = map[string]any{"a": map[string]any{
		"id": "a", "phase": "Pending", "message": "Waiting for " + lock + " lock. Lock status: 0/3", "synchronizationStatus": map[string]any{"waiting": lock},
	}}
	if _, err := object.TrimWorkflow(w); err != nil {
		t.Fatal(err)
	}
	return w
}

func started(p *positions, w *unstructured.Unstructured) {
	p.follow().Create(context.Background(), event.CreateEvent{Object: w}, nil)
}

// TestPositionsAreHeld: a position is written once a minute, and the Stanza looks again
// exactly then. Without a run that waits, nothing is remembered.
func TestPositionsAreHeld(t *testing.T) {
	t.Parallel()
	p, start := &positions{}, reconciletest.Noon
	key := types.NamespacedName{Namespace: "db", Name: "db"}
	mine := waitingForCap(t, "db", "full-1", 20, start.Add(time.Minute))
	ahead := []*unstructured.Unstructured{
		waitingForCap(t, "a", "full-1", 20, start), waitingForCap(t, "b", "full-2", 20, start), waitingForCap(t, "c", "incr-1", 0, start),
	}
	for _, w := range ahead {
		started(p, w)
	}
	at := func(second int) (string, time.Duration) {
		now := start.Add(time.Duration(second) * time.Second)
		run := outcome.Read(object.DecodeWorkflow(mine), now)
		runs := []outcome.Run{run}
		p.show(key, runs, now)
		return runs[0].Status.WaitsFor, runs[0].Wake.Sub(start)
	}
	const of = "one of the 3 slots of cap all (ConfigMap argo/pgbackrest-caps), position "
	for _, step := range []struct {
		second int
		then   func()
		want   string
		wake   time.Duration
	}{
		{0, nil, of + "3 of 4", time.Minute},
		{10, func() {
			is := ahead[0].DeepCopy()
			is.Object["status"].(map[string]any)["phase"] = "Succeeded"
			p.follow().Update(context.Background(), event.UpdateEvent{ObjectOld: ahead[0], ObjectNew: is}, nil)
		}, of + "3 of 4", time.Minute},
		{60, nil, of + "2 of 3", 2 * time.Minute},
		{61, func() {
			p.follow().Delete(context.Background(), event.DeleteEvent{Object: ahead[1]}, nil)
		}, of + "2 of 3", 2 * time.Minute},
		{300, nil, of + "1 of 2", 6 * time.Minute},
	} {
		if step.then != nil {
			step.then()
		}
		if got, wake := at(step.second); got != step.want || wake != step.wake {
			t.Errorf("after %d s: %q, again after %s, want %q, %s", step.second, got, wake, step.want, step.wake)
		}
	}
	p.show(key, nil, start)
	if position, of := p.queues.Position(types.NamespacedName{Namespace: "db", Name: "full-1"}); position != 0 || of != 0 || len(p.shown) > 0 {
		t.Errorf("a run that is gone is %d of %d, and %v is remembered", position, of, p.shown)
	}
}

// TestPositionsFarBehindAreRare: 10,000 waiting runs write some times a second, and not
// 10,000 times a minute.
func TestPositionsFarBehindAreRare(t *testing.T) {
	t.Parallel()
	p, start := &positions{}, reconciletest.Noon
	const fleet = 10_000
	wait := func(i int) *outcome.Wait {
		return &outcome.Wait{Lock: "argo/ConfigMap/pgbackrest-caps/all", Created: start.Add(time.Duration(i) * time.Second)}
	}
	for i := range fleet {
		p.queues.See(types.NamespacedName{Namespace: "db", Name: fmt.Sprint(i)}, wait(i))
	}
	perSecond := 0.0
	for i := range fleet {
		runs := []outcome.Run{{Wait: wait(i)}}
		runs[0].Status.Workflow = fmt.Sprint(i)
		p.show(types.NamespacedName{Namespace: "db", Name: fmt.Sprint(i)}, runs, start)
		perSecond += 1 / runs[0].Wake.Sub(start).Seconds()
	}
	if perSecond > 7 {
		t.Errorf("%.1f passes a second for positions", perSecond)
	}
}
