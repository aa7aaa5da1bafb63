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
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/when"
)

func TestChange(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		seen []trigger.Object
		want []string
	}{
		"the image":                         {[]trigger.Object{deployment("web", "a", 5, "shop:2")}, []string{"incr release: Deployment/web: generation 5, before 4"}},
		"something else":                    {[]trigger.Object{deployment("web", "a", 5, "shop:1")}, nil},
		"nothing":                           {[]trigger.Object{deployment("web", "a", 4, "shop:1")}, nil},
		"created again with another image":  {[]trigger.Object{deployment("web", "b", 4, "shop:2")}, []string{"incr release: Deployment/web was created again: generation 4, before 4"}},
		"created again with the same image": {[]trigger.Object{deployment("web", "b", 4, "shop:1")}, nil},
		"gone":                              {[]trigger.Object{}, nil},
		"too large to be remembered":        {[]trigger.Object{deployment("web", "a", 5, strings.Repeat("x", when.MaxValues))}, []string{"incr release: Deployment/web: generation 5, before 4; reads more than 1024 bytes of the object; name members that are smaller"}},
		"the generation, without content":   {[]trigger.Object{{Kind: "Deployment", Name: "web", UID: "a", Generation: 5}}, nil},
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
		"created again":       {release(t), deployment("web", "b", 4, ""), true},
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

// selected are Deployments by a label.
func selected(t *testing.T) plan.Objects {
	t.Helper()
	selector, err := labels.Parse("app=shop")
	if err != nil {
		t.Fatal(err)
	}
	return plan.Objects{Kind: "Deployment", Selector: selector}
}
