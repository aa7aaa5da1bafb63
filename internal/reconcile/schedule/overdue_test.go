// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func makeCronWorkflow(schedule, zone string, deadline int64) *unstructured.Unstructured {
	u := newObject(cronWorkflowKind)
	u.SetName(testFull)
	u.SetCreationTimestamp(metav1.NewTime(moment("2026-11-20T00:00:00Z")))
	u.Object["spec"] = map[string]any{"schedules": []any{schedule}, "timezone": zone, "startingDeadlineSeconds": deadline}
	return u
}

func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestOverdue(t *testing.T) {
	run := func(result stanzaflowv1alpha1.RunResult, started, finished string) *stanzaflowv1alpha1.RunStatus {
		r := &stanzaflowv1alpha1.RunStatus{Result: result, StartTime: new(metav1.NewTime(moment(started)))}
		if finished != "" {
			r.FinishTime = new(metav1.NewTime(moment(finished)))
		}
		return r
	}
	const succeeded = stanzaflowv1alpha1.RunSucceeded
	daily := func(change ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
		u := makeCronWorkflow("30 2 * * *", "UTC", 3600)
		for _, c := range change {
			c(u)
		}
		return u
	}
	for name, tc := range map[string]struct {
		cronWorkflow *unstructured.Unstructured
		last         *stanzaflowv1alpha1.RunStatus
		now          string
		want         bool
		wantLook     string
	}{
		"did not run, within the deadline and the tolerance": {
			cronWorkflow: daily(), now: "2026-11-22T03:34:59Z", last: run(succeeded, "2026-11-21T02:30:00Z", "2026-11-21T02:40:00Z"),
			wantLook: "2026-11-22T03:35:00Z",
		},
		"did not run": {
			cronWorkflow: daily(), now: "2026-11-22T03:35:00Z", last: run(succeeded, "2026-11-21T02:30:00Z", "2026-11-21T02:40:00Z"),
			want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"never ran": {
			cronWorkflow: daily(), now: "2026-11-22T12:00:00Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"ran": {
			cronWorkflow: daily(), now: "2026-11-22T12:00:00Z", last: run(succeeded, "2026-11-22T02:30:01Z", "2026-11-22T02:40:00Z"),
			wantLook: "2026-11-23T03:35:00Z",
		},
		"ran, on a clock that is a little behind": {
			cronWorkflow: daily(), now: "2026-11-22T12:00:00Z", last: run(succeeded, "2026-11-22T02:29:40Z", "2026-11-22T02:29:50Z"),
			wantLook: "2026-11-23T03:35:00Z",
		},
		"ran and failed": {
			cronWorkflow: daily(), now: "2026-11-22T12:00:00Z", last: run(stanzaflowv1alpha1.RunFailed, "2026-11-22T02:30:00Z", "2026-11-22T02:31:00Z"),
			wantLook: "2026-11-23T03:35:00Z",
		},
		"the run before it still goes on": {
			cronWorkflow: daily(), now: "2026-11-22T12:00:00Z", last: run(stanzaflowv1alpha1.RunRunning, "2026-11-21T02:30:00Z", ""),
			wantLook: "2026-11-23T03:35:00Z",
		},
		"the run before it went on until after it": {
			cronWorkflow: daily(), now: "2026-11-22T12:00:00Z", last: run(succeeded, "2026-11-21T02:30:00Z", "2026-11-22T02:31:00Z"),
			wantLook: "2026-11-23T03:35:00Z",
		},
		"suspended": {
			cronWorkflow: daily(func(u *unstructured.Unstructured) { _ = unstructured.SetNestedField(u.Object, true, "spec", "suspend") }),
			now:          "2026-11-22T12:00:00Z",
		},
		"made after it was due": {
			cronWorkflow: daily(func(u *unstructured.Unstructured) {
				u.SetCreationTimestamp(metav1.NewTime(moment("2026-11-22T02:30:01Z")))
			}),
			now: "2026-11-22T12:00:00Z", wantLook: "2026-11-23T03:35:00Z",
		},
		"changed after it was due": {
			cronWorkflow: daily(func(u *unstructured.Unstructured) {
				u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: vocab.FieldManager, Time: new(metav1.NewTime(moment("2026-11-22T05:00:00Z")))}})
			}),
			now: "2026-11-22T12:00:00Z", wantLook: "2026-11-23T03:35:00Z",
		},
		"argo wrote in it after it was due": {
			cronWorkflow: daily(func(u *unstructured.Unstructured) {
				u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "workflow-controller", Time: new(metav1.NewTime(moment("2026-11-22T05:00:00Z")))}})
			}),
			now: "2026-11-22T12:00:00Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"every half hour": {
			cronWorkflow: makeCronWorkflow("*/30 * * * *", "UTC", 300), now: "2026-11-22T12:40:00Z",
			last: run(succeeded, "2026-11-22T12:00:00Z", "2026-11-22T12:01:00Z"), want: true, wantLook: "2026-11-22T13:10:00Z",
		},
		"every half hour, in time": {
			cronWorkflow: makeCronWorkflow("*/30 * * * *", "UTC", 300), now: "2026-11-22T12:39:59Z",
			last: run(succeeded, "2026-11-22T12:00:00Z", "2026-11-22T12:01:00Z"), wantLook: "2026-11-22T12:40:00Z",
		},
		"in its time zone": {
			cronWorkflow: makeCronWorkflow("30 2 * * *", "Asia/Tokyo", 3600), now: "2026-11-22T18:34:59Z",
			last: run(succeeded, "2026-11-21T17:30:00Z", "2026-11-21T17:40:00Z"), wantLook: "2026-11-22T18:35:00Z",
		},
		"once in four years": {
			cronWorkflow: func() *unstructured.Unstructured {
				u := makeCronWorkflow("0 0 29 2 *", "UTC", 3600)
				u.SetCreationTimestamp(metav1.NewTime(moment("2020-01-01T00:00:00Z")))
				return u
			}(),
			now: "2026-11-22T12:00:00Z", want: true, wantLook: "2028-02-29T01:05:00Z",
		},
		"cannot be read": {cronWorkflow: makeCronWorkflow("nonsense", "UTC", 300), now: "2026-11-22T12:00:00Z"},
		"unknown zone":   {cronWorkflow: makeCronWorkflow("30 2 * * *", "Nowhere", 300), now: "2026-11-22T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, look := overdue(tc.cronWorkflow, tc.last, moment(tc.now))
			if got != tc.want {
				t.Errorf("overdue is %v, want %v", got, tc.want)
			}
			wantLook := time.Time{}
			if tc.wantLook != "" {
				wantLook = moment(tc.wantLook)
			}
			if !look.Equal(wantLook) {
				t.Errorf("looks again at %v, want %v", look, wantLook)
			}
		})
	}
}

// Looking again at the moment that was promised finds what had to be found.
func TestOverdueIsFoundOnTime(t *testing.T) {
	cronWorkflow := makeCronWorkflow("*/30 * * * *", "UTC", 300)
	_, look := overdue(cronWorkflow, nil, moment("2026-11-20T00:00:01Z"))
	for range 3 {
		late, next := overdue(cronWorkflow, nil, look)
		if !late || !next.After(look) {
			t.Fatalf("at %v: overdue %v, next look %v", look, late, next)
		}
		look = next
	}
}
