// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestFirstLookStartsNothing checks that what a trigger sees first is only what it
// compares with.
func TestFirstLookStartsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, failover(), release(t), plan.Trigger{Name: "restored", Event: stanzaflowv1alpha1.OnRestore, Type: cpo.Full, Repo: "repo1"},
		plan.Trigger{Name: "upgraded", Event: stanzaflowv1alpha1.OnMajorUpgrade, Type: cpo.Full, Repo: "repo1"})
	w.sees(deployment("web", "a", 4, "shop:1"))
	w.in.Cluster.Operation.Restored = "r1"
	w.after(24 * time.Hour)
	w.wantRuns()
	want := []stanzaflowv1alpha1.TriggerStatus{
		{Name: "failover", Observed: []stanzaflowv1alpha1.TriggerObservation{{Object: "Primary", Version: "orders-0"}}},
		{Name: "initial-repo1", Observed: []stanzaflowv1alpha1.TriggerObservation{{Object: "Location", Version: location}, {Object: "PostgreSQL", Version: "17"}}},
		{Name: "release", Observed: []stanzaflowv1alpha1.TriggerObservation{{Object: "Deployment/web", Version: "4", UID: "a", Values: `{"spec.image":"shop:1"}`}}},
		{Name: "restored", Observed: []stanzaflowv1alpha1.TriggerObservation{{Object: "Restore", Version: "r1"}}},
		{Name: "upgraded", Observed: []stanzaflowv1alpha1.TriggerObservation{{Object: "PostgreSQL", Version: "17"}}},
	}
	if diff := cmp.Diff(want, w.in.Before); diff != "" {
		t.Errorf("the status (-want +got):\n%s", diff)
	}
	if !w.wake.IsZero() {
		t.Errorf("the operator wants to look again at %s", w.wake)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	minute := func(w *world) { w.after(time.Minute) }
	for name, tc := range map[string]struct {
		event stanzaflowv1alpha1.TriggerEvent
		steps []func(*world)
		want  []string
	}{
		"another pod is the primary": {
			stanzaflowv1alpha1.OnFailover,
			[]func(*world){primary("orders-1")},
			[]string{"incr t: the primary is orders-1, before orders-0"},
		},
		"for a while no pod is the primary, then the same": {
			stanzaflowv1alpha1.OnFailover,
			[]func(*world){primary(""), minute, primary("orders-0")},
			nil,
		},
		"nobody knows the primary, then it is another": {
			stanzaflowv1alpha1.OnFailover,
			[]func(*world){func(w *world) { w.in.Seen.Primary = nil }, minute, primary("orders-1")},
			[]string{"incr t: the primary is orders-1, before orders-0"},
		},
		"a switchover there and back within seconds is one run": {
			stanzaflowv1alpha1.OnFailover,
			[]func(*world){primary("orders-1"), (*world).pass, primary("orders-0")},
			[]string{"incr t: the primary is orders-1, before orders-0 | the primary is orders-0, before orders-1"},
		},
		"CPO has done a restore": {
			stanzaflowv1alpha1.OnRestore,
			[]func(*world){restore("r1", ""), minute, restore("r1", "r1"), minute},
			[]string{"incr t: restore r1 is done"},
		},
		"CPO has done a restore while nobody looked": {
			stanzaflowv1alpha1.OnRestore,
			[]func(*world){restore("r1", "r1"), minute, minute},
			[]string{"incr t: restore r1 is done"},
		},
		"CPO has done another restore": {
			stanzaflowv1alpha1.OnRestore,
			[]func(*world){restore("r1", "r1"), minute, restore("r2", "r1"), minute, restore("r2", "r2"), minute},
			[]string{"incr t: restore r1 is done", "incr t: restore r2 is done, before r1"},
		},
		"a restore is taken back": {
			stanzaflowv1alpha1.OnRestore,
			[]func(*world){restore("r1", ""), minute, restore("", ""), minute},
			[]string{"incr t: restore r1 is no longer asked for"},
		},
		"the section restore is removed when it is done": {
			stanzaflowv1alpha1.OnRestore,
			[]func(*world){restore("r1", "r1"), minute, restore("", "r1"), minute},
			[]string{"incr t: restore r1 is done"},
		},
		"without CPO an id restores nothing": {
			stanzaflowv1alpha1.OnRestore,
			[]func(*world){func(w *world) { w.in.Cluster.PgBackRest.Restore.ID = "r1" }, minute},
			nil,
		},
		"another major version": {
			stanzaflowv1alpha1.OnMajorUpgrade,
			[]func(*world){version("18")},
			[]string{"incr t: PostgreSQL 18, before 17"},
		},
		"a version that cannot be read": {
			stanzaflowv1alpha1.OnMajorUpgrade,
			[]func(*world){version(""), minute, version("17")},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, plan.Trigger{Name: "t", Event: tc.event, Type: cpo.Incr, Repo: "repo1"})
			w.in.Initial = nil
			w.pass()
			for _, step := range tc.steps {
				step(w)
			}
			w.after(2 * time.Minute)
			w.wantRuns(tc.want...)
		})
	}
}

func primary(pod string) func(*world) {
	return func(w *world) { w.in.Seen.Primary = &trigger.Primary{Pod: pod, Ready: pod != ""} }
}

func restore(asked, done string) func(*world) {
	return func(w *world) {
		w.in.Cluster.PgBackRest.Restore.ID = asked
		w.in.Cluster.Operation = cpo.Operation{Restored: done, Status: "Running", Restoring: asked != "" && asked != done}
		w.in.Hold = w.in.Cluster.Operation.Held()
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t, failover())
	w.pass()
	primary("orders-1")(w)
	w.after(10 * time.Second)
	name := w.created[0].Name
	if s := w.status("failover"); s.Result != "Running" || s.Workflow != name || s.Pending != nil || s.LastFiredTime == nil {
		t.Errorf("the trigger is %+v", s)
	}
	w.end(stanzaflowv1alpha1.RunFailed, "backup failed: no space; see the runbook")
	w.after(time.Minute)
	if s := w.status("failover"); s.Result != "Failed" || s.Message != "backup failed: no space; see the runbook" {
		t.Errorf("the trigger is %+v", s)
	}
	w.end(stanzaflowv1alpha1.RunRunning, "") // a late cache
	w.pass()
	if s := w.status("failover"); s.Result != "Failed" {
		t.Errorf("the end is taken back: %+v", s)
	}
	w.in.Runs = w.in.Runs[:0] // Argo has deleted it
	w.after(time.Hour)
	if s := w.status("failover"); s.Result != "Failed" || s.Workflow != name {
		t.Errorf("the end is forgotten: %+v", s)
	}
	w.wantRuns("incr failover: the primary is orders-1, before orders-0") // no other attempt

	primary("orders-0")(w)
	w.after(10 * time.Second)
	runs := w.in.Runs
	w.in.Runs = w.in.Runs[:0] // not in the cache yet
	w.pass()
	if s := w.status("failover"); s.Result != "Running" {
		t.Errorf("given up too soon: %+v", s)
	}
	w.in.Runs = nil // not known
	w.after(time.Hour)
	if s := w.status("failover"); s.Result != "Running" {
		t.Errorf("given up without knowing: %+v", s)
	}
	w.in.Runs = runs[:0]
	w.after(time.Minute)
	if s := w.status("failover"); s.Result != "Unknown" || !strings.Contains(s.Message, "was deleted before it was over") {
		t.Errorf("the trigger is %+v", s)
	}
}

// TestKept checks that a trigger with a mistake starts nothing and loses nothing, and
// that one that is gone is forgotten.
func TestKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, failover())
	w.pass()
	primary("orders-1")(w)
	w.pass()
	before := w.in.Before
	w.in.Triggers, w.in.Kept = nil, []string{"failover", "new"}
	w.in.Initial, w.in.KeepInitial = nil, true
	primary("orders-2")(w)
	w.after(time.Hour)
	if diff := cmp.Diff(before, w.in.Before); diff != "" {
		t.Errorf("the status changes:\n%s", diff)
	}
	w.in.Triggers, w.in.Kept = []plan.Trigger{failover()}, nil
	w.after(time.Minute)
	w.wantRuns("incr failover: the primary is orders-1, before orders-0")
	w.after(10 * time.Minute)
	w.wantRuns("incr failover: the primary is orders-1, before orders-0", "incr failover: the primary is orders-2, before orders-1")
	w.in.Triggers, w.in.KeepInitial = nil, false
	w.pass()
	if len(w.in.Before) > 0 {
		t.Errorf("the status has %s", w)
	}
}

// TestNameOfAnother checks that a Workflow of somebody else with the name of the run
// neither counts as the run nor stops it.
func TestNameOfAnother(t *testing.T) {
	t.Parallel()
	for name, label := range map[string]string{"another cluster": vocab.LabelCluster, "another trigger": vocab.LabelTrigger} {
		w := newWorld(t, failover())
		w.pass()
		primary("orders-1")(w)
		w.pass()
		taken := trigger.Pending(cluster, w.in.Before)[0]
		run := w.create(trigger.Start{Trigger: "failover", Name: taken, Value: "failover", Repo: "repo1", Type: cpo.Incr, Causes: []string{"the primary is orders-1, before orders-0"}})
		run.Labels[label] = "other"
		w.after(time.Minute)
		if len(w.created) != 2 || w.created[1].Name == taken || w.status("failover").Workflow != w.created[1].Name {
			t.Errorf("%s: %s", name, w)
		}
	}
}

// TestForm: the run of a trigger has the form that the Stanza chooses for its type.
func TestForm(t *testing.T) {
	t.Parallel()
	stanza := stanzaflowv1alpha1.StanzaSpec{Runs: stanzaflowv1alpha1.RunForms{Full: stanzaflowv1alpha1.RunForm(vocab.FormPod)}}
	for backupType, want := range map[string]string{"full": "", "diff": vocab.EntrypointBackupDAG, "incr": ""} {
		start := trigger.Start{Name: "run", Kind: vocab.RunBackup, Repo: "repo1", Type: backupType, Value: "release"}
		if got := start.Workflow(cpo.Postgresql{Name: "shop"}, stanza).Spec.Entrypoint; got != want {
			t.Errorf("the entrypoint of type %s is %q, want %q", backupType, got, want)
		}
	}
}
