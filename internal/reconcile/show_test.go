// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// ran is a run that has failed some time ago, and is not shown yet.
func ran(name string, ago time.Duration) *wfv1.Workflow {
	end := metav1.NewTime(reconciletest.Noon.Add(-ago))
	return &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "db", UID: "uid", ResourceVersion: "7",
			Labels: map[string]string{vocab.LabelCluster: "shop", vocab.LabelResult: "Running"},
		},
		Status: wfv1.WorkflowStatus{Phase: wfv1.WorkflowFailed, FinishedAt: end, Message: "pod deleted"},
	}
}

// TestShowOf holds what is sent to show a run, and when nothing is.
func TestShowOf(t *testing.T) {
	t.Parallel()
	type labels map[string]string
	const said = "pod deleted"
	for name, tc := range map[string]struct {
		change func(*wfv1.Workflow)
		// want are the labels that are set, none for no patch at all.
		want labels
		// wantDescription is nil if the description is removed.
		wantDescription any
	}{
		"a run that has failed": {func(*wfv1.Workflow) {}, labels{vocab.LabelResult: "Failed"}, said},
		"shown already": {func(w *wfv1.Workflow) {
			w.Labels[vocab.LabelResult], w.Annotations = "Failed", map[string]string{vocab.AnnotationDescription: said}
		}, nil, nil},
		"somebody changed the label": {func(w *wfv1.Workflow) { w.Labels[vocab.LabelResult] = "Proven" }, labels{vocab.LabelResult: "Failed"}, said},
		"archived without it":        {func(w *wfv1.Workflow) { w.Labels[vocab.LabelArchiving] = "Archived" }, labels{vocab.LabelResult: "Failed", vocab.LabelArchiving: "Pending"}, said},
		"not archived yet":           {func(w *wfv1.Workflow) { w.Labels[vocab.LabelArchiving] = "Pending" }, labels{vocab.LabelResult: "Failed"}, said},
		"archived long ago": {func(w *wfv1.Workflow) {
			w.Labels[vocab.LabelArchiving] = "Archived"
			w.Status.FinishedAt = metav1.NewTime(reconciletest.Noon.Add(-25 * time.Hour))
		}, labels{vocab.LabelResult: "Failed"}, said},
		"runs, with an archive of before": {func(w *wfv1.Workflow) {
			w.Labels[vocab.LabelArchiving], w.Labels[vocab.LabelResult], w.Status.Phase = "Archived", "Failed", "Running"
		}, labels{vocab.LabelResult: "Running"}, nil},
		"runs, as the template says": {func(w *wfv1.Workflow) { w.Status.Phase = "Running" }, nil, nil},
		"runs, resubmitted from a good one": {func(w *wfv1.Workflow) {
			w.Status.Phase, w.Annotations = "Running", map[string]string{vocab.AnnotationDescription: "20261128-185415F, 203 MB, read back"}
		}, labels{vocab.LabelResult: "Running"}, nil},
		"not seen by Argo yet":      {func(w *wfv1.Workflow) { w.Status.Phase = ""; delete(w.Labels, vocab.LabelResult) }, nil, nil},
		"being deleted":             {func(w *wfv1.Workflow) { w.DeletionTimestamp = &w.Status.FinishedAt }, nil, nil},
		"without our cluster label": {func(w *wfv1.Workflow) { delete(w.Labels, vocab.LabelCluster) }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			workflow := ran("run", time.Minute)
			tc.change(workflow)
			got := object.ShowOf(workflow, reconciletest.Noon)
			if tc.want == nil {
				if got != nil {
					t.Errorf("it is patched: %v", got.Object)
				}
				return
			}
			set := map[string]any{}
			for key, value := range tc.want {
				set[key] = value
			}
			want := map[string]any{
				"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
				"metadata": map[string]any{
					"namespace": "db", "name": "run", "uid": "uid", "resourceVersion": "7", "labels": set,
					"annotations": map[string]any{"workflows.argoproj.io/description": tc.wantDescription},
				},
			}
			if got == nil {
				t.Fatal("it is not patched")
			}
			if diff := cmp.Diff(want, got.Object); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestShowsAFewAtATime: after an upgrade no run is shown, and each is shown once, a few in
// each pass, without waiting for a change.
func TestShowsAFewAtATime(t *testing.T) {
	t.Parallel()
	var state object.State
	for i := range 25 {
		state.Workflows = append(state.Workflows, ran(fmt.Sprintf("run-%02d", i), time.Duration(60-i)*time.Hour))
	}
	state.Workflows[3].Status.Phase, state.Workflows[3].Labels[vocab.LabelResult] = wfv1.WorkflowRunning, "Failed"
	seen := map[string]int{}
	for pass, want := range []int{showLimit, showLimit, 5, 0} {
		actions := diffShown(state, reconciletest.Noon)
		if len(actions) != want {
			t.Fatalf("pass %d shows %d runs, want %d", pass, len(actions), want)
		}
		wake, more := object.WakeAfter(actions), pass < 2
		if more != wake.Equal(reconciletest.Noon.Add(showInterval)) || more == wake.IsZero() {
			t.Errorf("pass %d looks again at %s, and there is more: %t", pass, wake, more)
		}
		if pass == 0 && (actions[0].Want.GetName() != "run-03" || actions[1].Want.GetName() != "run-24") {
			t.Errorf("first are shown %s and %s, want what runs, then what ended last", actions[0].Want.GetName(), actions[1].Want.GetName())
		}
		for _, action := range actions {
			seen[action.Want.GetName()]++
			for _, workflow := range state.Workflows {
				if workflow.Name == action.Want.GetName() {
					workflow.Labels, workflow.Annotations = action.Want.GetLabels(), action.Want.GetAnnotations()
					workflow.Labels[vocab.LabelCluster] = "shop"
				}
			}
		}
	}
	for name, times := range seen {
		if times != 1 {
			t.Errorf("%s is shown %d times", name, times)
		}
	}
}
