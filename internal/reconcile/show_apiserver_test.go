//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// becomes has Argo write the status of a run, and labels.
func (w *world) becomes(run *unstructured.Unstructured, o reconciletest.Run, labels part) {
	w.Helper()
	reconciletest.SetRun(run, o)
	body := part{"status": run.Object["status"]}
	if labels != nil {
		body["metadata"] = part{"labels": labels}
	}
	w.patch(run, argoManager, reconciletest.JSON(body))
}

// wantShown checks how Argo's lists show a run, and that another pass writes nothing.
func (w *world) wantShown(run string, result vocab.ShownResult, description string) {
	w.Helper()
	w.settle()
	o := w.get(object.Workflow, run)
	got, described := o.GetAnnotations()[vocab.AnnotationDescription]
	if o.GetLabels()[vocab.LabelResult] != string(result) || got != description || described != (description != "") {
		w.Errorf("%s is shown as %s: %q, want %s: %q", run, o.GetLabels()[vocab.LabelResult], got, result, description)
	}
	w.recorder.take()
	w.wantQuiet()
}

func (w *world) finished() (list []string) {
	w.Helper()
	for _, schedule := range w.stanza().Status.Schedules {
		for _, run := range schedule.Runs {
			list = append(list, fmt.Sprintf("%s %s %s %s%s", schedule.Type, run.Workflow, run.Result, run.Label, run.Message))
		}
	}
	return list
}

func (w *world) wantFinished(want ...string) {
	w.Helper()
	if got := w.finished(); fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("the last runs are %q, want %q", got, want)
	}
}

// testShows follows a run through its life: it waits, works, fails, is archived, is
// retried, and proves a backup.
func testShows(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	run := w.runOf(reconciletest.Incr, cpo.Incr)
	w.create(run)
	name, started := run.GetName(), w.clock.Now()
	w.wantShown(name, vocab.ShownRunning, "")

	waiting := reconciletest.Waiting(w.namespace + "/other-run/other-run-7")
	w.patch(run, argoManager, reconciletest.JSON(part{"status": waiting}))
	w.wantShown(name, vocab.ShownWaiting, "waits for run other-run")

	w.patch(run, argoManager, `{"status": {"synchronization": null, "nodes": null}}`)
	w.wantShown(name, vocab.ShownRunning, "")

	w.becomes(run, reconciletest.Run{Type: cpo.Incr, Phase: "Failed", Result: stanzaflowv1alpha1.RunFailed, Started: started}, part{"workflows.argoproj.io/completed": "true"})
	w.wantShown(name, vocab.ShownFailed, "disk full; free some space")
	w.wantFinished("incr " + name + " Failed disk full; free some space")

	// argo retry takes the labels of the end away, and has a new start.
	again := started.Add(20 * time.Minute)
	w.becomes(run, reconciletest.Run{Type: cpo.Incr, Phase: "Running", Started: again}, part{"workflows.argoproj.io/completed": nil})
	w.wantShown(name, vocab.ShownRunning, "")
	w.wantFinished()

	// Argo has archived the run before the operator was there.
	w.becomes(run, reconciletest.Run{Type: cpo.Incr, Phase: "Succeeded", Result: stanzaflowv1alpha1.RunSucceeded, Started: again}, part{vocab.LabelArchiving: "Archived"})
	w.clock.SetTime(again.Add(11 * time.Minute))
	label := again.UTC().Format("20060102-150405") + "F"
	w.wantShown(name, vocab.ShownProven, label+", 256.0 MB, read back")
	if got := w.get(object.Workflow, name).GetLabels()[vocab.LabelArchiving]; got != vocab.ArchivingPending {
		w.Errorf("the run is not archived again: %s", got)
	}
	w.wantFinished("incr " + name + " Succeeded " + label)

	w.patch(run, argoManager, reconciletest.JSON(part{"metadata": part{"labels": part{vocab.LabelArchiving: "Archived"}}}))
	w.wantShown(name, vocab.ShownProven, label+", 256.0 MB, read back")
	if got := w.get(object.Workflow, name).GetLabels()[vocab.LabelArchiving]; got != "Archived" {
		w.Errorf("the run is archived again and again: %s", got)
	}

	// Argo deletes it, and the Stanza remembers.
	w.delete(run)
	w.settle()
	w.wantFinished("incr " + name + " Succeeded " + label)
	w.recorder.take()
	w.wantQuiet()
}

// testShowsResubmitted: Argo gives the run that somebody resubmits all labels and
// annotations of the one before; of these the template sets the result.
func testShowsResubmitted(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	run := w.runOf(reconciletest.Incr, cpo.Incr)
	run.SetAnnotations(map[string]string{vocab.AnnotationDescription: "20261128-185415F, 203 MB, read back"})
	labels := run.GetLabels()
	labels[vocab.LabelResubmitted] = "pgbackrest-shop-repo1-incr-0"
	run.SetLabels(labels)
	w.create(run)
	w.wantShown(run.GetName(), vocab.ShownRunning, "")
	if got := w.stanza().Status.LastRun.Trigger; got != vocab.TriggerManual {
		w.Errorf("somebody has resubmitted a run, and it was started by %s", got)
	}
}

// testShowsDeleted: a run that is deleted, or changed, between the look and the write is
// no error, and other runs are shown.
func testShowsDeleted(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	var runs []*unstructured.Unstructured
	for i, name := range []string{"deleted", "changed", "stays"} {
		run := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: name, Type: cpo.Incr, Phase: "Failed", Started: w.clock.Now().Add(time.Duration(i) * time.Second)})
		w.create(run)
		runs = append(runs, run)
	}
	state, err := w.controller.observe(w.Context(), w.request().NamespacedName)
	if err != nil {
		w.Fatal(err)
	}
	actions := diffShown(state, w.clock.Now())
	if len(actions) != len(runs) {
		w.Fatalf("%d runs are to be shown, want %d", len(actions), len(runs))
	}
	w.delete(runs[0])
	w.patch(runs[1], argoManager, `{"metadata": {"labels": {"x": "y"}}}`)
	done := object.Apply(w.Context(), object.Writer{Client: w.controller.client, Live: w.controller.live, State: state}, actions, nil)
	if len(done.Failures) != 1 || !object.Quiet(done.Failures[0].Err) {
		w.Errorf("failures are %+v, want a conflict", done.Failures)
	}
	if got := w.get(object.Workflow, "stays").GetLabels()[vocab.LabelResult]; got != string(vocab.ShownFailed) {
		w.Errorf("the one that stays is shown as %s", got)
	}
	if got := w.get(object.Workflow, "changed").GetLabels()[vocab.LabelResult]; got != string(vocab.ShownRunning) {
		w.Errorf("the one that has changed is shown as %s", got)
	}
	w.wantShown("changed", vocab.ShownFailed, "The Workflow ended as Failed without a message")
}

// TestShowRefused: a policy of somebody that refuses what is only shown does not stop
// anything, and makes nothing unhealthy.
func TestShowRefused(t *testing.T) {
	w := startWorld(t)
	w.setUp(reconciletest.Postgresql(t, w.namespace))
	w.install(t, reconciletest.AllFromYAML(t, `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: frozen}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [argoproj.io], apiVersions: ["*"], operations: [UPDATE], resources: [workflows]}]
  validations: [{expression: "object.metadata.labels['stanzaflow.dev/result'] == 'Running'", message: frozen}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: frozen}
spec: {policyName: frozen, validationActions: [Deny]}
`))
	run := w.runOf(reconciletest.Incr, cpo.Incr)
	w.create(run)
	eventually(t, func() error {
		err := w.client.Patch(t.Context(), run.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"metadata": {"labels": {"stanzaflow.dev/result": "x"}}}`)), client.DryRunAll)
		if err == nil {
			return fmt.Errorf("the policy is not in force")
		}
		return nil
	})
	w.becomes(run, reconciletest.Run{Type: cpo.Incr, Phase: "Failed", Result: stanzaflowv1alpha1.RunFailed, Started: w.clock.Now()}, nil)
	for range 3 {
		result, err := w.controller.Reconcile(t.Context(), w.request())
		if err != nil || result.RequeueAfter == 0 || result.RequeueAfter > retryForeign+time.Second {
			t.Errorf("it comes back after %s: %v", result.RequeueAfter, err)
		}
	}
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.wantFinished("incr " + run.GetName() + " Failed disk full; free some space")
}
