// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/internal/when"
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

func version(v string) func(*world) { return func(w *world) { w.in.Cluster.Version = v } }

// TestMajorUpgradeWaits checks that the backup is one of the new version.
func TestMajorUpgradeWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan.Trigger{Name: "upgraded", Event: stanzaflowv1alpha1.OnMajorUpgrade, Type: cpo.Full, Repo: "repo1", MaxAge: 24 * time.Hour})
	w.in.Initial = nil
	w.in.Cluster.Operation.Status = "Running"
	w.pass()
	version("18")(w)
	w.after(30 * time.Second)
	w.wantMessage("upgraded", "waits for CPO to begin with the major upgrade")
	w.in.Cluster.Operation.Status = cpo.StatusUpdating
	w.after(time.Hour)
	w.wantMessage("upgraded", "waits for the end of the major upgrade: CPO says Updating")
	w.in.Cluster.Operation.Status = "Running"
	w.in.Seen.Primary.Upgrading = true
	w.pass()
	w.wantMessage("upgraded", "waits for the end of the major upgrade: pod orders-0 has the label critical-operation=true")
	if w.wake.IsZero() {
		t.Error("nobody looks again whether the label is gone")
	}
	w.wantRuns()
	w.in.Seen.Primary.Upgrading = false
	w.after(time.Minute)
	w.wantRuns("full upgraded: PostgreSQL 18, before 17") // although a younger backup, of 17, is there
}

func TestChange(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		seen []trigger.Object
		want []string
	}{
		"the image":                       {[]trigger.Object{deployment("web", "a", 5, "shop:2")}, []string{"incr release: Deployment/web: generation 5, before 4"}},
		"something else":                  {[]trigger.Object{deployment("web", "a", 5, "shop:1")}, nil},
		"nothing":                         {[]trigger.Object{deployment("web", "a", 4, "shop:1")}, nil},
		"made anew with another image":    {[]trigger.Object{deployment("web", "b", 4, "shop:2")}, []string{"incr release: Deployment/web was made anew: generation 4, before 4"}},
		"made anew with the same image":   {[]trigger.Object{deployment("web", "b", 4, "shop:1")}, nil},
		"gone":                            {[]trigger.Object{}, nil},
		"too large to be remembered":      {[]trigger.Object{deployment("web", "a", 5, strings.Repeat("x", when.MaxValues))}, []string{"incr release: Deployment/web: generation 5, before 4; reads more than 1024 bytes of the object; name members that are smaller"}},
		"the generation, without content": {[]trigger.Object{{Kind: "Deployment", Name: "web", UID: "a", Generation: 5}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, release(t))
			w.sees(deployment("web", "a", 4, "shop:1"))
			w.pass()
			w.sees(tc.seen...)
			w.after(time.Minute)
			w.wantRuns(tc.want...)
			// Gone for a while, and back as it was: no change.
			last := w.in.Seen.Objects["release"]
			w.sees()
			w.after(time.Minute)
			w.sees(last...)
			w.after(time.Minute)
			w.wantRuns(tc.want...)
		})
	}
}

// TestChangeThatCannotBeRead checks that a change is neither lost nor guessed while the
// object cannot be read, and that the status says so.
func TestChangeThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, release(t))
	w.sees(deployment("web", "a", 4, "shop:1"))
	w.pass()
	w.sees(trigger.Object{Kind: "Deployment", Name: "web", UID: "a", Generation: 5})
	w.after(time.Minute)
	w.wantMessage("release", "objects: cannot read Deployment/web")
	delete(w.in.Seen.Objects, "release") // nothing was read at all
	w.after(time.Minute)
	w.sees(deployment("web", "a", 6, "shop:2"))
	w.after(time.Minute)
	w.wantRuns("incr release: Deployment/web: generation 6, before 4")
	w.wantMessage("release", "")
}

// TestChangeOfTheTrigger checks that another expression compares from then on with what
// it reads itself.
func TestChangeOfTheTrigger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, release(t))
	w.sees(deployment("web", "a", 4, "shop:1"))
	w.pass()
	program, err := when.Compile("old.spec.replicas != new.spec.replicas")
	if err != nil {
		t.Fatal(err)
	}
	w.in.Triggers[0].When = program
	if o := deployment("web", "a", 4, ""); !trigger.NeedsContent(w.in.Before, w.in.Triggers[0], o) {
		t.Error("the content is not needed")
	}
	w.after(time.Minute)
	w.wantRuns()
	if got, want := w.status("release").Observed[0].Values, `{"spec.replicas":null}`; got != want {
		t.Errorf("values are %s, want %s", got, want)
	}
	// Both change in one go: nobody knows whether it counts.
	w.in.Triggers[0] = release(t)
	w.sees(deployment("web", "a", 5, "shop:1"))
	w.after(time.Minute)
	w.wantRuns("incr release: Deployment/web: generation 5, before 4; nothing is known of the object for this expression yet")
	// Every change counts from now on.
	w.in.Triggers[0].When = nil
	w.sees(trigger.Object{Kind: "Deployment", Name: "web", UID: "a", Generation: 6})
	w.after(time.Minute)
	if got := len(w.created); got != 2 {
		t.Errorf("%d runs, want 2: %v", got, w.runs())
	}
	// A trigger that waits for something else forgets the objects.
	w.in.Triggers[0].Event = stanzaflowv1alpha1.OnFailover
	w.pass()
	if diff := cmp.Diff([]stanzaflowv1alpha1.TriggerObservation{{Object: "Primary", Version: "orders-0"}}, w.status("release").Observed); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

func TestNeedsContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, release(t))
	w.sees(deployment("web", "a", 4, "shop:1"))
	if !trigger.NeedsContent(nil, release(t), deployment("web", "a", 4, "")) {
		t.Error("not needed for the first look")
	}
	w.pass()
	every := release(t)
	every.When = nil
	for name, tc := range map[string]struct {
		of     plan.Trigger
		object trigger.Object
		want   bool
	}{
		"as it was":           {release(t), deployment("web", "a", 4, ""), false},
		"another generation":  {release(t), deployment("web", "a", 5, ""), true},
		"another object":      {release(t), deployment("api", "c", 4, ""), true},
		"made anew":           {release(t), deployment("web", "b", 4, ""), true},
		"every change counts": {every, deployment("web", "a", 5, ""), false},
	} {
		if got := trigger.NeedsContent(w.in.Before, tc.of, tc.object); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestManyObjects checks that a trigger follows 16 objects and says that there are more,
// and that a new object does not push out one that is followed.
func TestManyObjects(t *testing.T) {
	t.Parallel()
	of := release(t)
	of.Of = selected(t)
	w := newWorld(t, of)
	var objects []trigger.Object
	for i := range 20 {
		objects = append(objects, deployment(fmt.Sprintf("web-%02d", i), "a", 1, "shop:1"))
	}
	w.sees(objects[1:17]...)
	w.after(time.Minute)
	w.wantMessage("release", "")
	w.sees(objects...)
	w.after(time.Minute)
	w.wantMessage("release", "objects: only 16 of 20 are followed; use a narrower selector, or several triggers")
	objects[0], objects[1] = deployment("web-00", "a", 2, "shop:2"), deployment("web-01", "a", 2, "shop:2")
	w.sees(objects...)
	w.after(time.Minute)
	w.wantRuns("incr release: Deployment/web-01: generation 2, before 1")
	// One that is gone leaves its place, but only when somebody needs it.
	w.sees(objects[1:16]...)
	w.after(time.Minute)
	if got := len(w.status("release").Observed); got != 16 {
		t.Errorf("remembers %d", got)
	}
	w.sees(objects[:16]...)
	w.after(time.Minute)
	if got := w.status("release").Observed; len(got) != 16 || got[0].Object != "Deployment/web-00" || got[15].Object != "Deployment/web-15" {
		t.Errorf("remembers %d, from %s to %s", len(got), got[0].Object, got[len(got)-1].Object)
	}
}

func TestCooldown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, failover())
	w.pass()
	primary("orders-1")(w)
	w.after(10 * time.Second)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	for _, pod := range []string{"orders-2", "orders-0", "orders-1", "orders-2", "orders-0"} {
		primary(pod)(w)
		w.after(time.Minute)
	}
	w.wantMessage("failover", "the run starts at 2026-11-29T12:10:05Z, when the cooldown is over")
	w.after(10 * time.Minute)
	w.wantRuns("incr failover: the primary is orders-1, before orders-0",
		"incr failover: the primary is orders-2, before orders-1 | the primary is orders-0, before orders-2 | the primary is orders-1, before orders-0 | the primary is orders-2, before orders-1 | the primary is orders-0, before orders-2")
	if apart := w.created[1].CreationTimestamp.Sub(w.created[0].CreationTimestamp.Time); apart < 10*time.Minute {
		t.Errorf("the runs are %s apart", apart)
	}
}

func TestManyCauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, failover())
	w.pass()
	w.in.Hold = "suspended"
	long := strings.Repeat("é", 100)
	for i := range 25 {
		primary(fmt.Sprintf("%s-%d", long, i))(w)
		w.pass()
	}
	causes := w.status("failover").Pending.Causes
	if len(causes) != 21 || causes[20] != "and 5 more" {
		t.Errorf("%d causes, the last one is %q", len(causes), causes[len(causes)-1])
	}
	for _, cause := range causes {
		if len(cause) > 128 || !strings.HasSuffix(cause, "…") && cause != causes[20] || strings.ContainsRune(cause, '\uFFFD') {
			t.Errorf("%d bytes: %q", len(cause), cause)
		}
	}
	w.in.Hold = ""
	w.after(time.Minute)
	if got := causesOf(t, w.created[0]); len(w.created) != 1 || !cmp.Equal(got, causes) {
		t.Errorf("%d runs, the first is for %q", len(w.created), got)
	}
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	with := failover()
	with.MaxAge, with.Cooldown = 15*time.Minute, 0
	w := newWorld(t, with)
	w.pass()
	primary("orders-1")(w)
	w.after(time.Minute)
	w.wantRuns("incr failover: the primary is orders-1, before orders-0") // the backup is an hour old
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	primary("orders-0")(w)
	w.after(time.Minute)
	s := w.status("failover")
	if s.Result != stanzaflowv1alpha1.TriggerNotNeeded || s.Workflow != "" || s.Pending != nil || !cmp.Equal(s.Causes, []string{"the primary is orders-0, before orders-1"}) {
		t.Errorf("the trigger is %+v", s)
	}
	w.wantMessage("failover", "backup "+w.in.Repos[0].LastBackup.Label+" of repo1 is younger than maxAge 15m0s")
	w.after(14 * time.Minute)
	primary("orders-2")(w)
	w.after(time.Minute)
	if len(w.created) != 2 {
		t.Errorf("no run, although the backup is %s old", w.in.Now.Sub(w.in.Repos[0].LastBackup.StopTime.Time))
	}
	// A backup that is under way will do.
	w.after(20 * time.Minute)
	primary("orders-0")(w)
	w.after(time.Minute)
	w.wantMessage("failover", "waits for run "+w.created[1].Name+", whose backup will do")
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.after(time.Minute)
	if got := w.status("failover").Result; got != stanzaflowv1alpha1.TriggerNotNeeded || len(w.created) != 2 {
		t.Errorf("%s after %d runs", got, len(w.created))
	}
}

// TestWaits checks the words for what a run waits for, which stay the same, and that
// nothing is lost.
func TestWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, failover())
	w.pass()
	primary("orders-1")(w)
	w.pass()
	w.wantMessage("failover", "the run starts at 2026-11-29T12:00:05Z")
	for _, step := range []struct {
		set  func()
		want string
	}{
		{func() { w.in.Hold = "suspended by spec.suspend of the Stanza" }, "suspended by spec.suspend of the Stanza"},
		{func() { w.in.Hold, w.in.Seen.Primary = "", nil }, "waits for the primary: it is not known which pod it is"},
		{func() { primary("")(w) }, "waits for the primary: no pod has the role"},
		{func() { w.in.Seen.Primary = &trigger.Primary{Pod: "orders-1"} }, "waits for the primary: pod orders-1 is not ready"},
	} {
		step.set()
		w.after(time.Hour)
		w.wantMessage("failover", step.want)
		before := w.in.Before
		w.after(time.Hour)
		if diff := cmp.Diff(before, w.in.Before); diff != "" {
			t.Errorf("the status moves while nothing happens:\n%s", diff)
		}
	}
	w.wantRuns()
	w.in.Seen.Primary.Ready = true
	w.after(time.Second)
	w.wantRuns("incr failover: the primary is orders-1, before orders-0")
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

// selected are Deployments by a label.
func selected(t *testing.T) plan.Objects {
	t.Helper()
	selector, err := labels.Parse("app=shop")
	if err != nil {
		t.Fatal(err)
	}
	return plan.Objects{Kind: "Deployment", Selector: selector}
}
