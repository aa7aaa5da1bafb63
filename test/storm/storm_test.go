// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storm_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

var clusters = flag.Int("storm.clusters", 200, "how many clusters the fleet has")

// TestWeek plays a week. No slot is lost, none runs twice, no cap is broken, and in each queue
// the fulls are first.
func TestWeek(t *testing.T) {
	sunday := start.Truncate(24 * time.Hour).Add(24 * time.Hour)
	night, wednesday := sunday.Add(2*time.Hour), sunday.AddDate(0, 0, 3)
	for _, tc := range []struct {
		name    string
		spread  time.Duration
		down    []period // Argo
		failing []period // the store
	}{
		{name: "no window"},
		{name: "a window of 90m", spread: window},
		{
			name: "no window, outages", failing: []period{{wednesday.Add(2 * time.Hour), wednesday.Add(3 * time.Hour)}},
			down: []period{{night, night.Add(3*time.Hour + 47*time.Minute)}, {wednesday.Add(10 * time.Hour), wednesday.Add(35*time.Hour + 17*time.Minute)}},
		},
		{
			name: "a window of 90m, outages", spread: window, failing: []period{{wednesday.Add(2 * time.Hour), wednesday.Add(3 * time.Hour)}},
			down: []period{{night, night.Add(3*time.Hour + 47*time.Minute)}, {wednesday.Add(10 * time.Hour), wednesday.Add(35*time.Hour + 17*time.Minute)}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newFleet(t, *clusters, tc.spread)
			a.store = tc.failing
			for _, outage := range tc.down {
				a.at(outage.from, a.stop)
				a.at(outage.to, a.start)
			}
			end := start.AddDate(0, 0, 7)
			a.runUntil(end)
			a.judge.check(end)
			a.judge.print(tc.name)
			if failed := a.judge.result.failed; (failed > 0) != (len(tc.failing) > 0) {
				t.Errorf("%d runs have failed", failed)
			}
			if missed := a.judge.result.collapsed; len(tc.down) > 0 && missed == 0 {
				t.Error("the outages of Argo have cost no slot")
			}
		})
	}
}

func (j *judge) print(name string) {
	r := j.result
	var delays []string
	for _, backupType := range types {
		delays = append(delays, fmt.Sprintf("%s %s", backupType, r.delay[backupType].Round(time.Second)))
	}
	j.t.Logf("MEASURED %s: %d clusters, %d runs, at most %d start in a minute, %d wait; longest delay %s; %d failed, %d slots have no run of their own",
		name, *clusters, r.runs, r.starts, r.waited, strings.Join(delays, ", "), r.failed, r.collapsed)
	for _, o := range j.outages {
		count, last := j.madeUp(o)
		for _, backupType := range types {
			j.t.Logf("MEASURED %s: Argo down for %s, %d runs of type %s made up for it, the last one began %s later",
				name, o.to.Sub(o.from), count[backupType], backupType, last[backupType].Round(time.Second))
		}
	}
}

// TestSeveralExpressions shows why a moved schedule is one expression: after an outage Argo
// makes up for a slot of each.
func TestSeveralExpressions(t *testing.T) {
	for _, tc := range []struct {
		expressions []string
		want        []string
	}{
		{[]string{"45 8-18 * * *"}, []string{"11:45"}},
		{[]string{"45 8-18 * * *", "15 9-19 * * *"}, []string{"11:45", "12:15"}},
	} {
		c := cronWorkflowOf(t, tc.expressions, start.Add(-2*time.Hour))
		var got []string
		for range 3 {
			if missed := c.missed(start.Add(20 * time.Minute)); !missed.IsZero() {
				got, c.last = append(got, missed.Format("15:04")), missed
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%v: an outage until 12:20 leaves runs of the slots %v, want %v", tc.expressions, got, tc.want)
		}
	}
}

func cronWorkflowOf(t *testing.T, expressions []string, last time.Time) *cronWorkflow {
	t.Helper()
	c, ok := read(schedule{}, &wfv1.CronWorkflow{Spec: wfv1.CronWorkflowSpec{
		Schedules: expressions, Timezone: "UTC", ConcurrencyPolicy: wfv1.ForbidConcurrent, StartingDeadlineSeconds: new(int64(86400)),
		WorkflowSpec: wfv1.WorkflowSpec{Priority: new(int32(0))},
	}}, last, nil)
	if !ok {
		t.Fatal("the model cannot read a CronWorkflow")
	}
	return c
}
