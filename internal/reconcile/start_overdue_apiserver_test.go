//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestStartOverdue: no schedule ever fires. With startOverdue the operator starts what is
// overdue, tries again what fails, and writes nothing more when the backup is proven.
func TestStartOverdue(t *testing.T) {
	s := startServer(t, argoCRDs(t, "full")...)
	t.Run("wanted by the Stanza", func(t *testing.T) {
		testStartOverdue(s.watchingWorld(t), stanzaflowv1alpha1.RunFailed, vocab.ReasonLastRunFailed, func(w *world) { w.startOverdue(true) })
	})
	t.Run("wanted by the operator", func(t *testing.T) {
		testStartOverdue(s.watchingWorld(t), stanzaflowv1alpha1.RunHeld, vocab.ReasonHeld, func(w *world) { w.controller.options.StartOverdue = true })
	})
	t.Run("not wanted", func(t *testing.T) {
		w := s.watchingWorld(t)
		w.controller.options.StartOverdue = true
		w.becomeOverdue(func(w *world) { w.startOverdue(false) })
		w.pass(time.Hour)
		if runs := w.started(); len(runs) != 1 {
			w.Errorf("%d runs were started, want only the first backup", len(runs))
		}
	})
}

func (w *world) startOverdue(value bool) {
	w.Helper()
	stanza := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: reconciletest.Cluster}}
	w.patch(stanza, "user", `{"spec": {"startOverdue": `+reconciletest.JSON(value)+`}}`)
}

// becomeOverdue has a proven first backup, and then the schedule of each half hour overdue. It
// is the only schedule: the clock starts at the time of day of the API server, and a daily one
// would be overdue, too, in a test that runs some hours before it.
func (w *world) becomeOverdue(want func(*world)) {
	w.Helper()
	postgresql := reconciletest.Postgresql(w.T, w.namespace)
	reconciletest.SetSchedule(postgresql, cpo.Full, "")
	w.setUp(postgresql)
	w.clock.SetTime(w.get(object.CronWorkflow, reconciletest.Incr).GetCreationTimestamp().Time)
	w.makeReady(w.createPrimary("shop-0"))
	w.pass(time.Minute)
	w.endRun(w.awaitRuns(1)[0], cpo.Full, "Succeeded", stanzaflowv1alpha1.RunSucceeded)
	want(w)
	w.settle()
	w.clock.SetTime(firstSlot(w).Add(11 * time.Minute))
	w.settle()
	w.want(vocab.ConditionReady, "False", vocab.ReasonOverdue)
}

// endNow ends a run that has begun now: the clock of the operator is ahead of that of the API
// server.
func (w *world) endNow(name, phase string, result stanzaflowv1alpha1.RunResult) {
	w.Helper()
	run := w.get(object.Workflow, name)
	reconciletest.SetRun(run, reconciletest.Run{
		Type: cpo.Incr, Phase: phase, Started: w.clock.Now(), Result: result, Storage: cpo.StorageS3, Location: reconciletest.Location,
	})
	w.update(run)
	w.settle()
}

// testStartOverdue has the first run end without a backup.
func testStartOverdue(w *world, ends stanzaflowv1alpha1.RunResult, reason vocab.Reason, want func(*world)) {
	w.becomeOverdue(want)
	if s := w.triggerStatus("overdue-repo1"); s.Pending == nil || len(s.Pending.Causes) != 1 || s.Pending.Causes[0] != "incr backup is overdue" {
		w.Fatalf("the trigger is %s", reconciletest.JSON(s))
	}
	w.pass(10 * time.Second)
	w.awaitRuns(2)
	newest := func() string {
		name := w.triggerStatus("overdue-repo1").Workflow
		run := w.get(object.Workflow, name)
		if got := run.GetLabels(); got[vocab.LabelTrigger] != vocab.TriggerOverdue || got[vocab.LabelType] != cpo.Incr || got[vocab.LabelRepo] != "repo1" {
			w.Errorf("labels of the run are %v", got)
		}
		return name
	}
	first := newest()
	w.want(vocab.ConditionReady, "False", vocab.ReasonOverdue) // Argo has not begun it.
	w.endNow(first, "Running", "")
	w.pass(10 * time.Second)
	w.endNow(first, "Failed", ends)
	w.want(vocab.ConditionReady, "False", reason)
	w.pass(4 * time.Minute)
	w.pass(10 * time.Second)
	w.awaitRuns(2)
	w.pass(time.Minute)
	w.pass(10 * time.Second)
	w.awaitRuns(3)
	if second := newest(); second == first {
		w.Errorf("the entry still names %s", first)
	}
	w.endNow(newest(), "Succeeded", stanzaflowv1alpha1.RunSucceeded)
	if s := w.triggerStatus("overdue-repo1"); s.Pending != nil || s.Attempts != 0 || s.Result != "Succeeded" {
		w.Errorf("the trigger is %s", reconciletest.JSON(s))
	}
	w.want(vocab.ConditionReady, "True", vocab.ReasonReady)
	w.recorder.take()
	w.wantQuiet()

	// The next slots pass, too. After more than two hours the run goes before others.
	w.pass(3 * time.Hour)
	w.pass(10 * time.Second)
	w.awaitRuns(4)
	if priority, _, _ := unstructured.NestedInt64(w.get(object.Workflow, newest()).Object, "spec", "priority"); priority != 2 {
		w.Errorf("the run has priority %d, want 2", priority)
	}
	w.endNow(newest(), "Succeeded", stanzaflowv1alpha1.RunSucceeded)
	w.want(vocab.ConditionReady, "True", vocab.ReasonReady)

	// Argo makes up for what it has missed, as soon as it is there again.
	w.argoHasFired(w.clock.Now().Add(-time.Hour))
	w.pass(3 * time.Hour)
	w.pass(10 * time.Second)
	w.awaitRuns(4)
	w.want(vocab.ConditionReady, "False", vocab.ReasonOverdue)
	if s := w.triggerStatus("overdue-repo1"); !strings.HasPrefix(s.Message, "waits for the run of the schedule at ") {
		w.Errorf("the trigger is %s", reconciletest.JSON(s))
	}
	w.argoHasFired(w.clock.Now())
	w.pass(10 * time.Second)
	w.awaitRuns(5)
}

// argoHasFired notes in the CronWorkflow, as Argo does, when it has started the last run.
func (w *world) argoHasFired(at time.Time) {
	w.Helper()
	cronWorkflow := w.get(object.CronWorkflow, reconciletest.Incr)
	var cron wfv1.CronWorkflow
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(cronWorkflow.Object, &cron); err != nil {
		w.Fatal(err)
	}
	w.patch(cronWorkflow, argoManager, `{"metadata": {"annotations": {"cronworkflows.argoproj.io/last-used-schedule": `+reconciletest.JSON(cron.Spec.GetScheduleWithTimezoneString())+`}},
		"status": {"active": [], "conditions": [], "phase": "Active", "succeeded": 1, "failed": 0, "lastScheduledTime": `+reconciletest.JSON(at.UTC().Format(time.RFC3339))+`}}`)
	w.settle()
}
