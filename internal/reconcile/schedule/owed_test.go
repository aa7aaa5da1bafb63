// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// TestOwed: which slot of a daily schedule Argo may still start, and whether it does so however
// late it is.
func TestOwed(t *testing.T) {
	const (
		inUse     = "CRON_TZ=Europe/Vienna 30 2 * * *"
		slot      = "2026-11-22T01:30:00Z"
		dayBefore = "2026-11-21T01:30:00Z"
		never     = ""
	)
	for name, tc := range map[string]struct {
		// fired is the last slot that Argo has started, used the schedule with which it did.
		fired, used string
		now         string
		change      func(*unstructured.Unstructured)
		want        string
		makesUp     bool
	}{
		"started":                         {fired: slot, used: inUse, now: "2026-11-22T01:30:02Z"},
		"not started yet":                 {fired: dayBefore, used: inUse, now: "2026-11-22T01:30:02Z", want: slot, makesUp: true},
		"Argo is down for hours":          {fired: dayBefore, used: inUse, now: "2026-11-22T12:00:00Z", want: slot, makesUp: true},
		"never, and it has just passed":   {fired: never, now: "2026-11-22T01:34:59Z", want: slot},
		"never, so Argo has forgotten it": {fired: never, now: "2026-11-22T01:35:00Z"},
		"a new expression, just passed":   {fired: dayBefore, used: "CRON_TZ=Europe/Vienna 0 2 * * *", now: "2026-11-22T01:31:00Z", want: slot},
		"a new expression, forgotten":     {fired: dayBefore, used: "CRON_TZ=Europe/Vienna 0 2 * * *", now: "2026-11-22T03:00:00Z"},
		"a new zone, forgotten":           {fired: dayBefore, used: "30 2 * * *", now: "2026-11-22T03:00:00Z"},
		"the old expression fired later":  {fired: "2026-11-22T02:00:00Z", used: "0 3 * * *", now: "2026-11-22T03:00:00Z"},
		"created after the slot": {fired: never, now: "2026-11-22T01:31:00Z", change: func(o *unstructured.Unstructured) {
			o.SetCreationTimestamp(metav1.NewTime(reconciletest.Moment("2026-11-22T01:30:30Z")))
		}},
		"suspended": {fired: dayBefore, used: inUse, now: "2026-11-22T03:00:00Z", change: func(o *unstructured.Unstructured) { _ = unstructured.SetNestedField(o.Object, true, "spec", "suspend") }},
		"nobody can read when it fires": {fired: dayBefore, used: inUse, now: "2026-11-22T03:00:00Z", change: func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedStringSlice(o.Object, []string{"nonsense"}, "spec", "schedules")
		}},
		"nobody can read what Argo has noted": {fired: "soon", used: inUse, now: "2026-11-22T03:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := reconciletest.State(t).Objects[object.CronWorkflow][0].DeepCopy()
			o.SetCreationTimestamp(metav1.NewTime(reconciletest.Moment("2026-11-01T00:00:00Z")))
			_ = unstructured.SetNestedStringSlice(o.Object, []string{"30 2 * * *"}, "spec", "schedules")
			_ = unstructured.SetNestedField(o.Object, "Europe/Vienna", "spec", "timezone")
			unstructured.RemoveNestedField(o.Object, "spec", "suspend")
			if tc.fired != never {
				_ = unstructured.SetNestedField(o.Object, tc.fired, "status", "lastScheduledTime")
				object.Annotate(o, "cronworkflows.argoproj.io/last-used-schedule", tc.used)
			}
			if tc.change != nil {
				tc.change(o)
			}
			var want time.Time
			if tc.want != "" {
				want = reconciletest.Moment(tc.want)
			}
			if got, makesUp := Owed(o, reconciletest.Moment(tc.now)); !got.Equal(want) || makesUp != tc.makesUp {
				t.Errorf("Argo owes %s, and makes up for it: %t; want %s, %t", got, makesUp, want, tc.makesUp)
			}
		})
	}
}
