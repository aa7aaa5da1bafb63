// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
)

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
	long := "x" + strings.Repeat("é", 100)
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
		{func() { w.in.Hold, w.in.Seen.Primary = "", nil }, "waits for the primary: no single pod is known to have the role"},
		{func() { primary("")(w) }, "waits for the primary: no single pod is known to have the role"},
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

// TestStartsOnlyWhatIsWritten checks that a pass that finds a run for a part of the
// causes starts none for the rest, which the API server does not have yet as it is now.
func TestStartsOnlyWhatIsWritten(t *testing.T) {
	t.Parallel()
	every := failover()
	every.Cooldown = 0
	w := newWorld(t, every)
	w.pass()
	primary("orders-1")(w)
	w.pass()
	pending := w.status("failover").Pending
	primary("orders-2")(w)
	w.pass()
	w.create(trigger.Start{
		Trigger: "failover", Name: trigger.Pending(cluster, w.in.Before)[0], Value: "failover", Repo: "repo1", Type: cpo.Incr, Causes: pending.Causes,
	})
	w.in.Now = noon.Add(time.Hour)
	w.pass()
	w.wantRuns("incr failover: the primary is orders-1, before orders-0")
	if w.wake.IsZero() {
		t.Error("nobody looks again")
	}
	w.pass()
	w.wantRuns("incr failover: the primary is orders-1, before orders-0", "incr failover: the primary is orders-2, before orders-1")
}

// TestClockOfTheAPIServer checks that a clock that is ahead of ours makes no cooldown
// longer.
func TestClockOfTheAPIServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, failover())
	w.skew = 24 * time.Hour
	w.pass()
	primary("orders-1")(w)
	w.after(10 * time.Second)
	primary("orders-2")(w)
	w.after(11 * time.Minute)
	w.wantRuns("incr failover: the primary is orders-1, before orders-0", "incr failover: the primary is orders-2, before orders-1")
}
