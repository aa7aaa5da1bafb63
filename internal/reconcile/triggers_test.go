// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
)

// TestOwedSlotWithItsRun: nothing is owed of a schedule that is not overdue, and no slot that
// has its run, although the CronWorkflow does not say so.
func TestOwedSlotWithItsRun(t *testing.T) {
	t.Parallel()
	o := reconciletest.State(t).Objects[object.CronWorkflow][0].DeepCopy()
	o.SetCreationTimestamp(metav1.NewTime(reconciletest.Noon.Add(-48 * time.Hour)))
	_ = unstructured.SetNestedStringSlice(o.Object, []string{"4 12 * * *"}, "spec", "schedules")
	_ = unstructured.SetNestedField(o.Object, "UTC", "spec", "timezone")
	for name, tc := range map[string]struct {
		overdue bool
		run     string
		want    int
	}{
		"overdue":              {true, "", 1},
		"not overdue":          {false, "", 0},
		"it has its run":       {true, o.GetName() + "-1795349040", 0},
		"a run of another day": {true, o.GetName() + "-1795262640", 1},
	} {
		p := status.Pass{Now: reconciletest.Noon}
		if tc.run != "" {
			p.Runs = []outcome.Run{{Status: stanzaflowv1alpha1.RunStatus{Workflow: tc.run}}}
		}
		got := owed([]stanzaflowv1alpha1.ScheduleStatus{{CronWorkflow: o.GetName(), Overdue: tc.overdue}}, []*unstructured.Unstructured{o}, p)
		if len(got) != tc.want {
			t.Errorf("%s: %+v, want %d slots", name, got, tc.want)
		}
	}
}
