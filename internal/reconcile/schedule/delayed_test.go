// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"maps"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

func TestDelayed(t *testing.T) {
	const holder = "db/pgbackrest-shop-repo1-full-1795314600/pgbackrest-shop-repo1-full-1795314600"
	const waits = "run incr-1 waits for run pgbackrest-shop-repo1-full-1795314600"
	const next = "the slot of 2026-11-22T12:30:00Z starts when run incr-1 ends"
	for name, tc := range map[string]struct {
		status map[string]any
		now    string
		change func(workflow, cronWorkflow *unstructured.Unstructured)
		want   string
	}{
		"runs":                              {status: map[string]any{"phase": "Running"}, now: "2026-11-22T12:29:59Z"},
		"waits for another run":             {status: reconciletest.Waiting(holder), now: "2026-11-22T12:10:00Z", want: waits},
		"a lock that names no run":          {status: reconciletest.Waiting("abc"), now: "2026-11-22T12:10:00Z", want: "run incr-1 waits for the lock db/Mutex/pgbackrest-shop"},
		"a lock of another namespace":       {status: reconciletest.Waiting("x/y/z"), now: "2026-11-22T12:10:00Z", want: "run incr-1 waits for the lock db/Mutex/pgbackrest-shop"},
		"outlives its interval":             {status: map[string]any{"phase": "Running"}, now: "2026-11-22T12:30:00Z", want: next},
		"outlives it, later":                {status: map[string]any{"phase": "Running"}, now: "2026-11-22T12:59:59Z", want: next},
		"outlives several, the newest runs": {status: map[string]any{"phase": "Running"}, now: "2026-11-22T14:10:00Z", want: "the slot of 2026-11-22T14:00:00Z starts when run incr-1 ends"},
		"waits for so long that it is due":  {status: reconciletest.Waiting(holder), now: "2026-11-22T12:40:00Z", want: waits + "; " + next},
		"over":                              {status: map[string]any{"phase": "Succeeded"}, now: "2026-11-22T12:40:00Z"},
		"suspended, so nothing starts": {
			status: map[string]any{"phase": "Running"}, now: "2026-11-22T12:40:00Z",
			change: func(_, cronWorkflow *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(cronWorkflow.Object, true, "spec", "suspend")
			},
		},
		"a run by hand does not keep Argo from starting the next": {
			status: map[string]any{"phase": "Running"}, now: "2026-11-22T12:40:00Z",
			change: func(workflow, _ *unstructured.Unstructured) {
				workflow.SetOwnerReferences(nil)
				labels := maps.Clone(workflow.GetLabels())
				delete(labels, object.LabelCronWorkflow)
				workflow.SetLabels(labels)
			},
		},
		"in the zone of the schedule": {
			status: map[string]any{"phase": "Running"}, now: "2026-11-22T12:40:00Z",
			change: func(_, cronWorkflow *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(cronWorkflow.Object, "Europe/Vienna", "spec", "timezone")
			},
			want: "the slot of 2026-11-22T13:30:00+01:00 starts when run incr-1 ends",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := makePass(t, func(p *Pass) {
				incr := p.InForce[1]
				workflow := reconciletest.Workflow("db", reconciletest.Run{Name: "incr-1", Type: cpo.Incr, CronWorkflow: incr, UID: "incr-1"})
				workflow.SetCreationTimestamp(metav1.NewTime(reconciletest.Moment("2026-11-22T12:00:01Z")))
				workflow.Object["status"] = tc.status
				if tc.change != nil {
					tc.change(workflow, incr)
				}
				// As it comes out of the cache.
				if _, err := object.TrimWorkflow(workflow); err != nil {
					t.Fatal(err)
				}
				p.State.Workflows = []*wfv1.Workflow{object.DecodeWorkflow(workflow)}
				p.Now = reconciletest.Moment(tc.now)
			})
			entries, lookAgain := Entries(nil, p)
			if got := entries[1].Delayed; got != tc.want {
				t.Errorf("delayed is %q, want %q", got, tc.want)
			}
			if tc.want != "" && entries[1].Overdue {
				t.Error("overdue, although its run is running")
			}
			if slot := TimetableOf(p.InForce[1]).Next(p.Now); !object.Suspended(p.InForce[1]) && lookAgain.After(slot) {
				t.Errorf("looks again at %v, after the next slot at %v", lookAgain, slot)
			}
		})
	}
}
