//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestOverdue: whatever keeps the runs from starting, the status says Overdue within a
// minute of the end of the grace. Nothing wakes the operator but the time that a pass has
// asked for.
func TestOverdue(t *testing.T) {
	for _, variant := range []string{"minimal", "full"} {
		t.Run(variant, func(t *testing.T) {
			s := startServer(t, argoCRDs(t, variant)...)
			for name, breaks := range map[string]func(*world){
				"Argo's controller is down": func(*world) {},
				"the template is missing": func(w *world) {
					w.delete(w.get(object.WorkflowTemplate, vocab.DefaultWorkflowTemplate))
				},
				"the operator restarts before each pass": func(w *world) { w.restarts = true },
				"a CronWorkflow was suspended in Argo":   suspendInArgo,
				"its run waits for a slot of a cap":      waitForCap,
				"it was suspended while the operator was down": func(w *world) {
					// The slot passes, and the operator comes back before the grace is over.
					suspendInArgo(w)
					w.clock.SetTime(firstSlot(w).Add(9 * time.Minute))
					w.controller = w.restarted()
				},
			} {
				t.Run(name, func(t *testing.T) { testOverdue(s.world(t), breaks) })
			}
			t.Run("a schedule that somebody suspends is resumed", func(t *testing.T) { testResumes(s.world(t)) })
		})
	}
}

func suspendInArgo(w *world) {
	w.patch(w.get(object.CronWorkflow, reconciletest.Incr), "argo-server", `{"spec": {"suspend": true}}`)
}

// restarted is an operator that knows nothing yet.
func (w *world) restarted() *Controller {
	return w.newController(w.controller.client.(client.WithWatch))
}

// firstSlot is when the schedule of each half hour is due first.
func firstSlot(w *world) time.Time {
	const each = 30 * time.Minute
	return w.get(object.CronWorkflow, reconciletest.Incr).GetCreationTimestamp().Truncate(each).Add(each)
}

func testOverdue(w *world, breaks func(*world)) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.clock.SetTime(w.get(object.CronWorkflow, reconciletest.Incr).GetCreationTimestamp().Time)
	w.settle()
	deadline := firstSlot(w).Add(10 * time.Minute)
	breaks(w)
	for range 100 {
		if w.restarts {
			w.controller = w.restarted()
		}
		result, err := w.controller.Reconcile(w.Context(), w.request())
		if err != nil {
			w.Fatal(err)
		}
		overdue := false
		for _, entry := range w.stanza().Status.Schedules {
			overdue = overdue || entry.CronWorkflow == reconciletest.Incr && entry.Overdue
		}
		late := w.clock.Now().Sub(deadline)
		switch {
		case overdue && late < 0:
			w.Fatalf("it is overdue %s before its grace ends", -late)
		case overdue:
			if c := reconciletest.Condition(w.T, w.stanza().Status, vocab.ConditionBackupHealthy); c.Status != "False" {
				w.Errorf("BackupHealthy is %s", reconciletest.JSON(c))
			}
			w.Logf("MEASURED overdue %s after the end of its grace", late)
			return
		case late > time.Minute:
			w.Fatalf("it is not overdue %s after the end of its grace: %s", late, reconciletest.JSON(w.stanza().Status.Schedules))
		case result.RequeueAfter == 0:
			w.Fatal("the pass asks for no other")
		}
		w.clock.SetTime(w.clock.Now().Add(result.RequeueAfter))
	}
	w.Fatal("100 passes have not come to the end of the grace")
}

// testResumes: the SUSPEND of Argo's UI has no reason and no owner, so it is undone, and an
// event says how the schedules are stopped.
func testResumes(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.recorder.take()
	suspendInArgo(w)
	w.settle()
	if object.Suspended(w.get(object.CronWorkflow, reconciletest.Incr)) {
		w.Error("it is still suspended")
	}
	const want = "Warning Resumed: Resumed CronWorkflow " + reconciletest.Incr + ", which somebody has suspended (argo-server); to stop the schedules of the cluster, set spec.suspend of its Stanza"
	if notes := w.recorder.take(); strings.Count(strings.Join(notes, "\n"), want) != 1 {
		w.Errorf("events are %q, want once %q", notes, want)
	}
	w.wantQuiet()

	// What the Stanza suspends is not resumed, whoever else suspends it.
	w.patch(w.stanza(), "user", `{"spec": {"suspend": true}}`)
	w.settle()
	suspendInArgo(w)
	w.recorder.take()
	w.wantQuiet()
	w.patch(w.stanza(), "user", `{"spec": {"suspend": false}}`)
	w.settle()
	if object.Suspended(w.get(object.CronWorkflow, reconciletest.Incr)) {
		w.Error("it is still suspended")
	}
	if notes := w.recorder.take(); has(notes, "somebody has suspended") {
		w.Errorf("our own suspension is called that of somebody else: %q", notes)
	}
}
