// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// TestTrimWorkflow: what the cache keeps of a Workflow tells as much of its run
// as all of it.
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
			Phase: wfv1.WorkflowFailed, StartedAt: metav1.NewTime(noon), FinishedAt: metav1.NewTime(noon),
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
	object := &unstructured.Unstructured{Object: fields}
	if _, err := trimWorkflow(object); err != nil {
		t.Fatal(err)
	}
	status := object.Object["status"].(map[string]any)
	for _, bulk := range []map[string]any{object.Object, status, status["nodes"].(map[string]any)["run-0"].(map[string]any)} {
		for _, field := range []string{"spec", "storedTemplates", "inputs"} {
			if _, ok := bulk[field]; ok {
				t.Errorf("%s is kept", field)
			}
		}
	}
	want, got := outcome.Read(whole), outcome.Read(workflowOf(object))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the trimmed Workflow tells another run (-whole +trimmed):\n%s", diff)
	}
	if got.Status.Message != why {
		t.Errorf("message is %q, want %q", got.Status.Message, why)
	}
}
