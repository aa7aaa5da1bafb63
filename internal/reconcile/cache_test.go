// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"maps"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// TestTrimWorkflow checks that the part of a Workflow in the cache says as much
// about its run as the whole.
func TestTrimWorkflow(t *testing.T) {
	t.Parallel()
	const (
		why    = "precheck: Error (exit code 30): Failed: cannot read postgresql db/shop"
		waited = `backup: Error (exit code 64): dependency "precheck" exited with non-zero code: 30`
	)
	whole := &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{Name: "run", Namespace: "db", UID: "uid", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "argo"}}},
		Spec:       wfv1.WorkflowSpec{Entrypoint: "backup"},
		Status: wfv1.WorkflowStatus{
			Phase: wfv1.WorkflowFailed, StartedAt: metav1.NewTime(reconciletest.Noon), FinishedAt: metav1.NewTime(reconciletest.Noon),
			Message:         "retryStrategy.expression evaluated to false",
			StoredTemplates: map[string]wfv1.Template{"backup": {Name: "backup"}},
			Nodes: wfv1.Nodes{
				"run-0": {
					ID: "run-0", Name: "run(0)", TemplateName: "backup", Type: wfv1.NodeTypePod, Phase: wfv1.NodeFailed,
					Message: waited, Children: []string{"main"},
					Inputs: &wfv1.Inputs{Parameters: []wfv1.Parameter{{Name: "cluster"}}},
				},
				"main":     {ID: "main", Name: "run(0).main", Type: wfv1.NodeTypeContainer, Phase: wfv1.NodeSucceeded, Children: []string{"precheck"}},
				"precheck": {ID: "precheck", Name: "run(0).precheck", Type: wfv1.NodeTypeContainer, Phase: wfv1.NodeFailed, Message: why, Children: []string{"backup"}},
				"backup":   {ID: "backup", Name: "run(0).backup", Type: wfv1.NodeTypeContainer, Phase: wfv1.NodeError, Message: waited},
			},
		},
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(whole)
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{Object: fields}
	if _, err := object.TrimWorkflow(o); err != nil {
		t.Fatal(err)
	}
	status := o.Object["status"].(map[string]any)
	for _, bulk := range []map[string]any{o.Object, status, status["nodes"].(map[string]any)["run-0"].(map[string]any)} {
		for _, field := range []string{"spec", "storedTemplates", "inputs"} {
			if _, ok := bulk[field]; ok {
				t.Errorf("%s is kept", field)
			}
		}
	}
	want, got := outcome.Read(whole, reconciletest.Noon), outcome.Read(object.DecodeWorkflow(o), reconciletest.Noon)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the trimmed Workflow shows another run (-whole +trimmed):\n%s", diff)
	}
	if got.Status.Message != why {
		t.Errorf("message is %q, want %q", got.Status.Message, why)
	}
}

// TestRunChanged checks that a run that begins to wait, or waits for another run,
// wakes its Stanza, and that Argo's other updates of a running Workflow do not.
func TestRunChanged(t *testing.T) {
	running := func(change func(status map[string]any)) *unstructured.Unstructured {
		u := reconciletest.Workflow("db", reconciletest.Run{Name: "incr-1", Type: cpo.Incr, Phase: "Running", Started: reconciletest.Moment("2026-11-22T12:00:00Z")})
		change(u.Object["status"].(map[string]any))
		return u
	}
	before := running(func(map[string]any) {})
	for name, tc := range map[string]struct {
		change func(status map[string]any)
		want   bool
	}{
		"another node":      {func(status map[string]any) { status["nodes"] = map[string]any{"a": map[string]any{"progress": "1/2"}} }, false},
		"progress":          {func(status map[string]any) { status["progress"] = "45/100" }, true},
		"waits":             {func(status map[string]any) { maps.Copy(status, reconciletest.Waiting("db/a/a")) }, true},
		"over":              {func(status map[string]any) { status["phase"] = "Succeeded" }, true},
		"published a value": {func(status map[string]any) { status["outputs"] = map[string]any{"parameters": []any{}} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := runChanged.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: running(tc.change)}); got != tc.want {
				t.Errorf("wakes the Stanza: %v, want %v", got, tc.want)
			}
		})
	}
	held := func(holders ...any) *unstructured.Unstructured {
		return running(func(s map[string]any) {
			s["synchronization"] = map[string]any{"semaphore": map[string]any{"waiting": []any{map[string]any{"semaphore": "argo/ConfigMap/caps/all", "holders": holders}}}}
			s["nodes"] = map[string]any{"a": map[string]any{"id": "a", "phase": "Pending", "synchronizationStatus": map[string]any{"waiting": "argo/ConfigMap/caps/all"}}}
		})
	}
	if runChanged.Update(event.UpdateEvent{ObjectOld: held("x/a/b", "y/a/b"), ObjectNew: held("y/a/b", "x/a/b")}) {
		t.Error("a run that waits for a cap wakes the Stanza whenever Argo looks at it")
	}
	suspended := before.DeepCopy()
	suspended.Object["spec"] = map[string]any{"suspend": true}
	if !runChanged.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: suspended}) {
		t.Error("a run that is suspended does not wake the Stanza")
	}
	if _, err := object.TrimWorkflow(suspended); err != nil || !outcome.Read(object.DecodeWorkflow(suspended), reconciletest.Noon).Suspended {
		t.Errorf("the cache does not keep that a run is suspended: %v", err)
	}
	first, second := running(func(s map[string]any) { maps.Copy(s, reconciletest.Waiting("db/a/a")) }), running(func(s map[string]any) { maps.Copy(s, reconciletest.Waiting("db/b/b")) })
	if !runChanged.Update(event.UpdateEvent{ObjectOld: first, ObjectNew: second}) {
		t.Error("does not wake the Stanza when a run waits for another one")
	}
}
