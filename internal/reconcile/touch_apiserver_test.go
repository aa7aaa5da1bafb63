//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// podOf is what Argo writes of the pod of a run whose last step has ended.
func podOf(run, phase string, end time.Time) string {
	return fmt.Sprintf(`{"status": {"nodes": {
		"%[1]s-0": {"id": "%[1]s-0", "name": "%[1]s(0)", "displayName": "%[1]s(0)", "type": "Pod", "phase": "%[2]s", "taskResultSynced": false},
		"%[1]s-1": {"id": "%[1]s-1", "name": "%[1]s(0).verify", "displayName": "verify", "type": "Container", "phase": "Succeeded", "finishedAt": "%[3]s"}}}}`,
		run, phase, end.UTC().Format(time.RFC3339))
}

// testTouches: a healthy run is never touched, and one whose pod has ended is touched
// every 30 s, for as long as Argo does nothing.
func testTouches(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	run := w.runOf(reconciletest.Incr, cpo.Incr)
	w.create(run)
	w.settle()
	w.recorder.take()
	end := w.clock.Now()
	w.patch(run, argoManager, podOf(run.GetName(), "Running", end))
	w.clock.SetTime(end.Add(30 * time.Second))
	w.settle() // The message of the first backup changes once.
	w.wantQuiet()
	if _, ok := w.get(object.Workflow, run.GetName()).GetAnnotations()[vocab.AnnotationTouched]; ok {
		w.Error("a healthy run was touched")
	}

	w.patch(run, argoManager, podOf(run.GetName(), "Error", end))
	w.recorder.take()
	// The Workflow and the status.
	if n := w.reconcile(); n != 2 {
		w.Errorf("%d writes, want 2", n)
	}
	if notes, want := w.recorder.take(), "Touched Workflow "+run.GetName()+": its pod has ended"; !has(notes, want) {
		w.Errorf("no event %q in %q", want, notes)
	}
	touched := func() string {
		return w.get(object.Workflow, run.GetName()).GetAnnotations()[vocab.AnnotationTouched]
	}
	if got, want := touched(), w.clock.Now().UTC().Format(time.RFC3339); got != want {
		w.Errorf("touched at %q, want %s", got, want)
	}
	last := w.stanza().Status.LastRun
	if last.Result != "Running" || last.PodEndTime == nil || !last.PodEndTime.Time.Equal(end.Truncate(time.Second)) || last.Message == "" {
		w.Errorf("last run is %s", reconciletest.JSON(last))
	}
	w.wantQuiet()

	w.clock.SetTime(w.clock.Now().Add(touchInterval))
	if n := w.reconcile(); n != 1 {
		w.Errorf("%d writes after %s, want another touch", n, touchInterval)
	}
	w.recorder.take()
	w.wantQuiet()

	// Argo notices.
	w.patch(run, argoManager, `{"status": {"phase": "Error", "finishedAt": "`+w.clock.Now().UTC().Format(time.RFC3339)+`"}}`)
	w.settle()
	if last := w.stanza().Status.LastRun; last.Result != "Failed" || last.PodEndTime != nil {
		w.Errorf("last run is %s", reconciletest.JSON(last))
	}
}

// testOnlyTouches checks what else the right to patch Workflows is good for: nothing.
func testOnlyTouches(t *testing.T, w *world) {
	const (
		content     = "may change neither the spec nor the status"
		owners      = "may change neither the finalizers nor the owners"
		annotations = "may change only these annotations of a Workflow: stanzaflow.dev/touched, workflows.argoproj.io/description"
		labels      = "may change only these labels of a Workflow: stanzaflow.dev/result, workflows.argoproj.io/workflow-archiving-status"
	)
	operator := w.controller.client
	ours := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: "ours", Type: cpo.Incr, Phase: "Running", Started: w.clock.Now()})
	ours.SetAnnotations(map[string]string{"theirs": "kept"})
	w.create(ours)
	w.patch(ours, argoManager, podOf("ours", "Running", w.clock.Now()))
	theirs := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: "theirs", Phase: "Running", Started: w.clock.Now()})
	theirs.SetLabels(nil)
	w.create(theirs)
	try := func(name, body string) error {
		o := object.New(object.Workflow)
		o.SetNamespace(w.namespace)
		o.SetName(name)
		return operator.Patch(t.Context(), o, client.RawPatch(types.MergePatchType, []byte(body)), client.DryRunAll)
	}

	for title, body := range map[string]string{
		"touched":       `{"metadata": {"annotations": {"stanzaflow.dev/touched": "2026-11-22T12:00:00Z"}}}`,
		"touched again": `{"metadata": {"annotations": {"stanzaflow.dev/touched": "2026-11-22T12:00:30Z"}}}`,
		"no more":       `{"metadata": {"annotations": {"stanzaflow.dev/touched": null}}}`,
		"nothing":       `{}`,
	} {
		if err := try("ours", body); err != nil {
			t.Errorf("%s: %v", title, err)
		}
	}
	for title, tc := range map[string]struct{ body, want string }{
		"stops the run":          {`{"spec": {"shutdown": "Terminate"}}`, content},
		"brings its own steps":   {`{"spec": {"templates": [{"name": "x", "container": {"image": "x"}}]}}`, content},
		"takes the spec":         {`{"spec": null}`, ""},
		"calls it good":          {`{"status": {"phase": "Succeeded"}}`, content},
		"reports a backup":       {`{"status": {"outputs": {"parameters": [{"name": "backup-label", "value": "x"}]}}}`, content},
		"changes a step":         {`{"status": {"nodes": {"ours-1": {"phase": "Failed"}}}}`, content},
		"forgets a step":         {`{"status": {"nodes": {"ours-1": null}}}`, content},
		"forgets the status":     {`{"status": null}`, content},
		"adds a finalizer":       {`{"metadata": {"finalizers": ["example.com/x"]}}`, owners},
		"adds an owner":          {`{"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "x"}]}}`, owners},
		"adds an annotation":     {`{"metadata": {"annotations": {"workflows.argoproj.io/title": "good"}}}`, annotations},
		"changes an annotation":  {`{"metadata": {"annotations": {"theirs": "changed"}}}`, annotations},
		"takes an annotation":    {`{"metadata": {"annotations": {"theirs": null}}}`, annotations},
		"takes all annotations":  {`{"metadata": {"annotations": null}}`, annotations},
		"adds a label":           {`{"metadata": {"labels": {"workflows.argoproj.io/completed": "true"}}}`, labels},
		"changes a label":        {`{"metadata": {"labels": {"stanzaflow.dev/repo": "repo2"}}}`, labels},
		"takes a label":          {`{"metadata": {"labels": {"stanzaflow.dev/cluster": null}}}`, labels},
		"takes every label":      {`{"metadata": {"labels": null}}`, labels},
		"touches, and stops it":  {`{"metadata": {"annotations": {"stanzaflow.dev/touched": "x"}}, "spec": {"shutdown": "Stop"}}`, content},
		"touches, and labels it": {`{"metadata": {"annotations": {"stanzaflow.dev/touched": "x"}, "labels": {"x": "y"}}}`, labels},
	} {
		t.Run(title, func(t *testing.T) {
			if err := try("ours", tc.body); tc.want != "" {
				wantRefused(t, err, tc.want)
			} else if err == nil {
				t.Error("it is allowed")
			}
		})
	}
	wantRefused(t, try("theirs", `{"metadata": {"annotations": {"stanzaflow.dev/touched": "x"}}}`), "only Workflows with the label stanzaflow.dev/cluster")
	wantRefused(t, try("theirs", `{"metadata": {"labels": {"stanzaflow.dev/cluster": "shop"}}}`), "only Workflows with the label stanzaflow.dev/cluster")
	w.wantUntouched(theirs)

	// These rights it does not have.
	if err := operator.Delete(t.Context(), ours.DeepCopy(), client.DryRunAll); !apierrors.IsForbidden(err) {
		t.Errorf("deletes a Workflow: %v", err)
	}
	if err := operator.Update(t.Context(), ours.DeepCopy(), client.DryRunAll); !apierrors.IsForbidden(err) {
		t.Errorf("replaces a Workflow: %v", err)
	}
	another := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: "another", Phase: "Running", Started: w.clock.Now()})
	if err := w.tryToMake(another); !apierrors.IsForbidden(err) {
		t.Errorf("creates a Workflow: %v", err)
	}
	if err := operator.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(another), client.FieldOwner(vocab.FieldManager), client.DryRunAll); !apierrors.IsForbidden(err) {
		t.Errorf("applies a Workflow: %v", err)
	}
}
