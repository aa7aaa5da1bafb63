// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"maps"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/event"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// waiting is the status of a run whose template has a mutex, as Argo writes it.
func waiting(holder string) map[string]any {
	return map[string]any{
		"phase": "Running", "startedAt": "2026-11-22T12:00:02Z",
		"synchronization": map[string]any{"mutex": map[string]any{"waiting": []any{map[string]any{
			"mutex": "db/Mutex/pgbackrest-shop", "holder": holder,
		}}}},
		"nodes": map[string]any{"incr-1": map[string]any{
			"id": "incr-1", "name": "incr-1", "displayName": "incr-1", "type": "Pod", "templateName": "backup", "phase": "Pending",
			"message": "Waiting for db/Mutex/pgbackrest-shop lock. Lock status: 0/1", "startedAt": "2026-11-22T12:00:02Z",
			"synchronizationStatus": map[string]any{"waiting": "db/Mutex/pgbackrest-shop"},
		}},
	}
}

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
		"waits for another run":             {status: waiting(holder), now: "2026-11-22T12:10:00Z", want: waits},
		"a lock that names no run":          {status: waiting("abc"), now: "2026-11-22T12:10:00Z", want: "run incr-1 waits for the lock db/Mutex/pgbackrest-shop"},
		"a lock of another namespace":       {status: waiting("x/y/z"), now: "2026-11-22T12:10:00Z", want: "run incr-1 waits for the lock db/Mutex/pgbackrest-shop"},
		"outlives its interval":             {status: map[string]any{"phase": "Running"}, now: "2026-11-22T12:30:00Z", want: next},
		"outlives it, later":                {status: map[string]any{"phase": "Running"}, now: "2026-11-22T12:59:59Z", want: next},
		"outlives several, the newest runs": {status: map[string]any{"phase": "Running"}, now: "2026-11-22T14:10:00Z", want: "the slot of 2026-11-22T14:00:00Z starts when run incr-1 ends"},
		"waits for so long that it is due":  {status: waiting(holder), now: "2026-11-22T12:40:00Z", want: waits + "; " + next},
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
				delete(labels, labelCronWorkflow)
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
			p := makePass(t, func(p *pass) {
				incr := p.Done.InForce[1]
				workflow := makeWorkflow("db", runOptions{name: "incr-1", backupType: cpo.Incr, cron: incr, uid: "incr-1"})
				workflow.SetCreationTimestamp(metav1.NewTime(moment("2026-11-22T12:00:01Z")))
				workflow.Object["status"] = tc.status
				if tc.change != nil {
					tc.change(workflow, incr)
				}
				// As it comes out of the cache.
				if _, err := trimWorkflow(workflow); err != nil {
					t.Fatal(err)
				}
				p.State.Workflows = []*wfv1.Workflow{workflowOf(workflow)}
				p.Now = moment(tc.now)
			})
			status, wake := statusFor(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
			if got := status.Schedules[1].Delayed; got != tc.want {
				t.Errorf("delayed is %q, want %q", got, tc.want)
			}
			if tc.want != "" && status.Schedules[1].Overdue {
				t.Error("overdue, although its run goes on")
			}
			if slot := timetableOf(p.Done.InForce[1]).next(p.Now); !suspended(p.Done.InForce[1]) && wake.After(slot) {
				t.Errorf("looks again at %v, after the next slot at %v", wake, slot)
			}
		})
	}
}

// A run that begins to wait, or waits for another one, wakes its Stanza; Argo's
// other updates of a running Workflow do not.
func TestRunChanged(t *testing.T) {
	running := func(change func(status map[string]any)) *unstructured.Unstructured {
		u := makeWorkflow("db", runOptions{name: "incr-1", backupType: cpo.Incr, phase: "Running", started: moment("2026-11-22T12:00:00Z")})
		change(u.Object["status"].(map[string]any))
		return u
	}
	before := running(func(map[string]any) {})
	for name, tc := range map[string]struct {
		change func(status map[string]any)
		want   bool
	}{
		"progress": {func(status map[string]any) {
			status["progress"], status["nodes"] = "1/2", map[string]any{"a": map[string]any{}}
		}, false},
		"waits":             {func(status map[string]any) { maps.Copy(status, waiting("db/a/a")) }, true},
		"over":              {func(status map[string]any) { status["phase"] = "Succeeded" }, true},
		"published a value": {func(status map[string]any) { status["outputs"] = map[string]any{"parameters": []any{}} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := runChanged.Update(event.TypedUpdateEvent[*unstructured.Unstructured]{ObjectOld: before, ObjectNew: running(tc.change)}); got != tc.want {
				t.Errorf("wakes the Stanza: %v, want %v", got, tc.want)
			}
		})
	}
	first, second := running(func(s map[string]any) { maps.Copy(s, waiting("db/a/a")) }), running(func(s map[string]any) { maps.Copy(s, waiting("db/b/b")) })
	if !runChanged.Update(event.TypedUpdateEvent[*unstructured.Unstructured]{ObjectOld: first, ObjectNew: second}) {
		t.Error("does not wake the Stanza when a run waits for another one")
	}
}
