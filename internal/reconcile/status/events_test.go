// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestTransitions(t *testing.T) {
	type step struct {
		change func(*Pass)
		want   []string
	}
	broken := func(p *Pass) { reconciletest.SetSchedule(p.State.Postgresql, cpo.Full, "nonsense") }
	suspend := func(p *Pass) { p.State.Stanza.Spec.Suspend = true }
	for name, steps := range map[string][]step{
		"a problem is reported once": {
			{change: broken, want: []string{
				"Warning InvalidSchedule spec.backup.pgbackrest.repos[0].schedule.full",
				"Warning KeptLastGood CronWorkflow pgbackrest-shop-repo1-full",
			}},
			{change: broken},
			{
				change: func(p *Pass) { broken(p); reconciletest.SetSchedule(p.State.Postgresql, cpo.Incr, "nonsense") },
				want: []string{
					"Warning InvalidSchedule spec.backup.pgbackrest.repos[0].schedule.incr",
					"Warning KeptLastGood CronWorkflow pgbackrest-shop-repo1-incr",
				},
			},
			{change: func(*Pass) {}},
			{change: broken, want: []string{
				"Warning InvalidSchedule spec.backup.pgbackrest.repos[0].schedule.full",
				"Warning KeptLastGood CronWorkflow pgbackrest-shop-repo1-full",
			}},
		},
		"what is waited for is normal": {
			{change: func(p *Pass) { p.State.Template = object.Template{Name: "x"} }, want: []string{"Normal WorkflowTemplateMissing"}},
			{change: func(p *Pass) { p.State.Template = object.Template{Name: "x"} }},
			{change: func(p *Pass) { p.State.Template.Contract = "v0" }, want: []string{"Warning WorkflowTemplateInvalid"}},
		},
		"runs are reported when they have ended": {
			{change: ran("full-1", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T02:30:00Z")},
			{change: ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z"), want: []string{"Normal Succeeded Workflow full-1"}},
			{change: func(*Pass) {}},
			{change: ran("full-2", cpo.Full, stanzaflowv1alpha1.RunHeld, "2026-11-22T03:30:00Z"), want: []string{"Warning Held Workflow full-2"}},
			{change: ran("diff-1", cpo.Diff, stanzaflowv1alpha1.RunFailed, "2026-11-22T04:30:00Z"), want: []string{"Warning LastRunFailed Workflow diff-1"}},
			{change: ran("full-3", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T05:30:00Z")},
		},
		"overdue is reported once": {
			{change: func(*Pass) {}, want: nil},
			{change: func(p *Pass) { p.Now = reconciletest.Noon.Add(time.Hour) }, want: []string{"Warning Overdue CronWorkflow pgbackrest-shop-repo1-incr"}},
			{change: func(p *Pass) { p.Now = reconciletest.Noon.Add(24 * time.Hour) }, want: []string{"Warning Overdue CronWorkflow pgbackrest-shop-repo1-full"}},
			{change: func(p *Pass) { p.Now = reconciletest.Noon.Add(25 * time.Hour) }},
			{
				change: func(p *Pass) {
					p.Now = reconciletest.Noon.Add(25 * time.Hour)
					ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-23T13:00:00Z")(p)
				},
				want: []string{"Normal Succeeded Workflow full-1"},
			},
			{change: func(p *Pass) { p.Now = reconciletest.Noon.Add(49 * time.Hour) }, want: []string{"Warning Overdue CronWorkflow pgbackrest-shop-repo1-full"}},
		},
		"what holds all schedules is reported once, and each new cause": {
			{change: suspend, want: []string{"Warning Held"}},
			{change: suspend},
			{change: func(p *Pass) {
				_ = unstructured.SetNestedField(p.State.Postgresql.Object, int64(0), "spec", "numberOfInstances")
			}, want: []string{"Warning Held"}},
			{change: func(*Pass) {}},
			{change: suspend, want: []string{"Warning Held"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := stanzaflowv1alpha1.StanzaStatus{}
			for i, s := range steps {
				p := makePass(t, func(p *Pass) {
					for _, o := range p.Done.InForce {
						o.SetCreationTimestamp(metav1.NewTime(reconciletest.Noon.Add(-time.Minute)))
					}
					s.change(p)
				})
				after, _ := For(status, 1, p)
				var got []string
				for _, e := range Transitions(status, after, p.Plan.Problems, p.Actions) {
					if e.OnStanza {
						continue // TestConditionEvents
					}
					text := e.Type + " " + string(e.Reason)
					if e.Field != "" {
						text += " " + e.Field
					}
					if e.Related != nil {
						text += " " + e.Related.Kind + " " + e.Related.Name
					}
					got = append(got, text)
				}
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Errorf("events of step %d (-want +got): %s", i, diff)
				}
				status = after
			}
		})
	}
}

func TestRetentionFailedIsReported(t *testing.T) {
	run := &stanzaflowv1alpha1.RunStatus{
		Workflow: "full-1", Repo: "repo1", Type: cpo.Full, Result: stanzaflowv1alpha1.RunSucceeded,
		Retention: vocab.RetentionFailed, Message: "The backup is good, but expire failed: no space",
	}
	after := stanzaflowv1alpha1.StanzaStatus{LastRun: run, Schedules: []stanzaflowv1alpha1.ScheduleStatus{{CronWorkflow: reconciletest.Full, Repo: "repo1", Type: cpo.Full, LastRun: run}}}
	events := Transitions(stanzaflowv1alpha1.StanzaStatus{}, after, nil, nil)
	if len(events) != 2 || events[0].Reason != vocab.ReasonSucceeded || events[1].Reason != vocab.ReasonRetentionFailed || events[1].Type != "Warning" {
		t.Errorf("events are %v", events)
	}
	c := backupHealthy(Pass{}, after)
	if c.Status != metav1.ConditionFalse || c.Reason != string(vocab.ReasonRetentionFailed) || c.Message != "Last full backup of repo1: The backup is good, but expire failed: no space" {
		t.Errorf("condition is %s", reconciletest.JSON(c))
	}
}

// TestChangesOfOnePass: a new cluster is one event, and what is done for other reasons has its
// own.
func TestChangesOfOnePass(t *testing.T) {
	t.Parallel()
	named := func(kind schema.GroupVersionKind, name string, spec map[string]any) *unstructured.Unstructured {
		o := object.New(kind)
		o.SetName(name)
		if spec != nil {
			o.Object["spec"] = spec
		}
		return o
	}
	full := named(object.CronWorkflow, "full", map[string]any{"schedules": []any{"30 2 * * *"}, "timezone": "UTC"})
	incr := named(object.CronWorkflow, "incr", map[string]any{"schedules": []any{"*/30 * * * *"}, "timezone": "UTC"})
	var got []string
	for _, e := range Changes([]object.Change{
		{Reason: vocab.ReasonCreated, Object: named(object.ConfigMap, "config", nil)},
		{Reason: vocab.ReasonUpdated, Object: full},
		{Reason: vocab.ReasonCreated, Object: incr},
		{Reason: vocab.ReasonResumed, Object: full, By: "argo-ui"},
		{Reason: vocab.ReasonDraining, Object: incr},
		{Reason: vocab.ReasonDraining, Object: full},
		{Reason: vocab.ReasonCreated, Object: full},
	}) {
		got = append(got, e.Type+" "+string(e.Reason)+" "+e.Related.Name+": "+e.Note)
	}
	want := []string{
		"Normal Created config: Created ConfigMap config; CronWorkflow incr, schedule */30 * * * * UTC; CronWorkflow full, schedule 30 2 * * * UTC",
		"Normal Updated full: Updated CronWorkflow full, schedule 30 2 * * * UTC",
		"Warning Resumed full: Resumed CronWorkflow full, which somebody has suspended (argo-ui); to stop the schedules of the cluster, set spec.suspend of its Stanza",
		"Normal Draining incr: Suspended CronWorkflow incr; it will be deleted when its runs have ended",
		"Normal Draining full: Suspended CronWorkflow full; it will be deleted when its runs have ended",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestChangesOfALargeCluster: a note has a bound, and nothing of what was done is cut away.
func TestChangesOfALargeCluster(t *testing.T) {
	t.Parallel()
	var changes []object.Change
	for n := range 12 {
		o := object.New(object.CronWorkflow)
		o.SetName(fmt.Sprintf("pgbackrest-a-cluster-with-a-long-name-repo%d-%d", n/3, n))
		changes = append(changes, object.Change{Reason: vocab.ReasonUpdated, Object: o})
	}
	var all strings.Builder
	for _, e := range Changes(changes) {
		if len(e.Note) > report.MaxMessage || !strings.Contains(e.Note, e.Related.Name) {
			t.Errorf("the event about %s has %d bytes: %s", e.Related.Name, len(e.Note), e.Note)
		}
		all.WriteString(e.Note)
	}
	for _, change := range changes {
		if !strings.Contains(all.String(), change.Object.GetName()) {
			t.Errorf("no event names %s", change.Object.GetName())
		}
	}
}
