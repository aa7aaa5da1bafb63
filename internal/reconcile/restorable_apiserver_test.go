//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// testRestorable: the API server keeps the microseconds of a heartbeat, so the same one is
// no reason for another write. That of a run without a backup counts, too.
func testRestorable(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	started := w.clock.Now().Truncate(time.Second)
	ended := func(name string, after time.Duration, phase string, result stanzaflowv1alpha1.RunResult) reconciletest.Run {
		began := started.Add(after)
		return reconciletest.Run{
			Name: name, Type: cpo.Full, Phase: phase, Started: began, Result: result, Storage: cpo.StorageS3, Location: reconciletest.Location,
			Heartbeat: &report.Heartbeat{Time: began.Add(2*time.Second + 204981*time.Microsecond), LSN: "0/5000028", Timeline: 1},
		}
	}
	for _, run := range []reconciletest.Run{
		ended(reconciletest.Full+"-1", 0, "Succeeded", stanzaflowv1alpha1.RunSucceeded),
		ended(reconciletest.Full+"-2", time.Hour, "Failed", stanzaflowv1alpha1.RunFailed),
	} {
		workflow := reconciletest.Workflow(w.namespace, run)
		w.create(workflow)
		reconciletest.SetRun(workflow, run) // It has its UID now.
		w.update(workflow)
		w.settle()
		is := w.stanza().Status.Repos[0].Restorable
		if is == nil || !is.Newest.Time.Equal(run.Heartbeat.Time) || !is.Heartbeat || is.Timeline != 1 || is.LSN != run.Heartbeat.LSN || !is.ObservedTime.Time.Equal(run.Started.Add(10*time.Minute)) {
			w.Errorf("after %s repo1 can be restored to %s, want %s", run.Name, reconciletest.JSON(is), run.Heartbeat.Time)
		}
		w.recorder.take()
		w.delete(workflow)
		w.wantQuiet()
	}
}
