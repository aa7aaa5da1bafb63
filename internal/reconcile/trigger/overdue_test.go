// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// daily is a cluster that is to start overdue backups. Its full is due each day at 11:00, its
// incr at half past each hour; none is overdue.
func daily(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.in.Overdue = []plan.Overdue{{Repo: "repo1"}}
	w.in.Schedules = []stanzaflowv1alpha1.ScheduleStatus{
		{CronWorkflow: "pgbackrest-orders-repo1-full", Repo: "repo1", Type: cpo.Full, NextRunTime: new(metav1.NewTime(noon.Add(23 * time.Hour)))},
		{CronWorkflow: "pgbackrest-orders-repo1-incr", Repo: "repo1", Type: cpo.Incr, NextRunTime: new(metav1.NewTime(noon.Add(30 * time.Minute)))},
		{CronWorkflow: "pgbackrest-orders-repo2-full", Repo: "repo2", Type: cpo.Full, Overdue: true},
	}
	return w
}

// schedule is that of repo1.
func (w *world) schedule(backupType string) *stanzaflowv1alpha1.ScheduleStatus {
	return &w.in.Schedules[slices.Index([]string{cpo.Full, cpo.Incr}, backupType)]
}

const (
	fullOverdue = "full overdue: full backup is overdue"
	incrOverdue = "incr overdue: incr backup is overdue"
)

func TestOverdueStartsTheBackup(t *testing.T) {
	t.Parallel()
	w := daily(t)
	w.after(time.Minute)
	if s := w.status("overdue-repo1"); s.Name != "" {
		t.Errorf("a cluster that was never overdue has the entry %+v", s)
	}
	w.missing[cpo.Full] = true
	w.after(time.Minute)
	w.wantRuns(fullOverdue)
	w.after(time.Minute)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.missing[cpo.Full] = false
	w.after(22 * time.Hour)
	w.wantRuns(fullOverdue)
	if s := w.status("overdue-repo1"); s.Result != "Succeeded" || s.Pending != nil || s.Attempts != 0 {
		t.Errorf("the entry is %+v", s)
	}
}

// TestOverdueIsTriedAgain: an outage of the store lasts, and no attempt is more than an hour
// after the one before.
func TestOverdueIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := daily(t)
	w.missing[cpo.Full] = true
	w.after(time.Minute)
	for i, minutes := range []int{5, 10, 20, 40, 60, 60} {
		w.end(stanzaflowv1alpha1.RunFailed, "the store does not answer")
		w.after(time.Duration(minutes)*time.Minute - time.Second)
		if len(w.created) != i+1 {
			t.Fatalf("attempt %d came too soon: %s", i+2, w)
		}
		w.after(3 * time.Second)
		if len(w.created) != i+2 {
			t.Fatalf("attempt %d did not come after %d minutes: %s", i+2, minutes, w)
		}
	}
	w.end(stanzaflowv1alpha1.RunFailed, "the store does not answer")
	w.missing[cpo.Full] = false // Somebody has made a backup by hand.
	w.after(5 * time.Hour)
	if len(w.created) != 7 {
		t.Errorf("%d runs, want none after the backup is there: %s", len(w.created), w)
	}
	w.wantMessage("overdue-repo1", "no schedule of repo1 is overdue any more")
}

// fail ends the newest run without a backup, and counts those that started until a moment.
func (w *world) fail(until time.Duration) int {
	w.t.Helper()
	w.end(stanzaflowv1alpha1.RunFailed, "the store does not answer")
	w.after(until)
	return len(w.created)
}

// TestOverdueKeepsItsPauses: whatever happens while a run is running, its failure is followed by
// the pause that it has earned, here of ten minutes.
func TestOverdueKeepsItsPauses(t *testing.T) {
	t.Parallel()
	const queued = "pgbackrest-orders-repo1-full-1"
	for name, change := range map[string]func(*world){
		"nothing":                      func(*world) {},
		"an incr is overdue, too":      func(w *world) { w.missing[cpo.Incr] = true },
		"Argo has not begun the run":   func(w *world) { w.in.Runs[len(w.in.Runs)-1].NotBegun = true },
		"the last run was held before": func(w *world) { w.schedule(cpo.Full).Held = "the last run was held: in recovery" },
		"a run of the schedule begins": func(w *world) {
			run := outcome.Run{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{Workflow: queued, Repo: "repo1", Type: cpo.Full, Result: stanzaflowv1alpha1.RunRunning}}
			w.in.Runs = append([]outcome.Run{run}, w.in.Runs...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := daily(t)
			w.in.Schedules[1].NextRunTime = nil
			w.missing[cpo.Full] = true
			w.after(time.Minute)
			if n := w.fail(5*time.Minute + 3*time.Second); n != 2 {
				t.Fatalf("%d runs after the first pause, want 2: %s", n, w)
			}
			change(w)
			w.after(time.Minute)
			w.after(time.Minute)
			if s := w.status("overdue-repo1"); s.Result != "Running" || s.Workflow == "" {
				t.Errorf("while the run is running the entry says %+v", s)
			}
			w.schedule(cpo.Full).Held = ""
			for i := range w.in.Runs {
				if w.in.Runs[i].NotBegun = false; w.in.Runs[i].Status.Workflow == queued {
					w.in.Runs[i].Status.Result = stanzaflowv1alpha1.RunFailed
				}
			}
			if n := w.fail(10*time.Minute - time.Second); n != 2 {
				t.Fatalf("%d runs before the second pause is over, want 2: %s", n, w)
			}
			w.after(3 * time.Second)
			if n := len(w.created); n != 3 {
				t.Fatalf("%d runs after the second pause, want 3: %s", n, w)
			}
		})
	}
}

// TestOverdueAtItsSlot: the run of the slot is late by what Argo needs for it. One of ours at
// that moment would be a second one, however long the backup has been overdue.
func TestOverdueAtItsSlot(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		starts, makesUp bool
		// patience is how long ours waits after the slot if Argo does not start its run.
		patience time.Duration
	}{
		"Argo starts it":          {starts: true, makesUp: true},
		"Argo starts a first one": {starts: true},
		"Argo does not, for now":  {makesUp: true, patience: 12*time.Hour - 9*time.Minute},
		"Argo has forgotten it":   {patience: 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, slot := daily(t), noon.Add(9*time.Minute)
			full := w.schedule(cpo.Full)
			full.NextRunTime, w.missing[cpo.Full] = new(metav1.NewTime(slot)), true
			w.in.OverdueSince = map[string]time.Time{full.CronWorkflow: noon.Add(-25 * time.Hour)}
			w.after(9 * time.Minute)
			full.NextRunTime = new(metav1.NewTime(slot.Add(24 * time.Hour)))
			w.in.Owed = map[string]trigger.Owed{full.CronWorkflow: {Slot: slot, Until: slot.Add(5 * time.Minute), MakesUp: tc.makesUp}}
			w.after(40 * time.Second)
			w.wantRuns()
			w.wantMessage("overdue-repo1", "waits for the run of the schedule at 2026-11-29T12:09:00Z")
			if tc.starts {
				w.in.Runs = append(w.in.Runs, outcome.Run{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{Workflow: "of-the-slot", Repo: "repo1", Type: cpo.Full, Result: stanzaflowv1alpha1.RunRunning}})
				w.in.Owed = nil
				w.after(13 * time.Hour)
				w.wantRuns()
				return
			}
			end := slot.Add(tc.patience)
			if w.pass(); !w.wake.Equal(end) {
				t.Errorf("the operator looks again at %s, want %s", w.wake, end)
			}
			w.after(end.Sub(w.in.Now) - time.Second)
			w.wantRuns()
			w.after(time.Minute)
			w.wantRuns(fullOverdue)
		})
	}
}

// TestOverdueIsLeftToArgo: for half a day, whatever newer slots it owes by then.
func TestOverdueIsLeftToArgo(t *testing.T) {
	t.Parallel()
	w := daily(t)
	full := w.schedule(cpo.Full)
	full.NextRunTime, w.missing[cpo.Full] = nil, true
	owes := func(slot time.Time) {
		w.in.Owed = map[string]trigger.Owed{full.CronWorkflow: {Slot: slot, Until: slot.Add(5 * time.Minute), MakesUp: true}}
	}
	owes(noon.Add(-time.Hour))
	w.after(5 * time.Hour)
	owes(noon.Add(4 * time.Hour))
	w.after(7*time.Hour - time.Second)
	w.wantRuns()
	w.after(2 * time.Second)
	w.wantRuns(fullOverdue)
}

// TestOverdueIsHeld: what holds a schedule makes no backup, so nothing is done. When that ends
// Argo has its time again, and the pause begins again.
func TestOverdueIsHeld(t *testing.T) {
	t.Parallel()
	w := daily(t)
	w.missing[cpo.Full] = true
	w.after(time.Minute)
	w.fail(time.Minute)
	w.schedule(cpo.Full).Held = "suspended by spec.suspend of the Stanza"
	w.after(time.Hour)
	if s := w.status("overdue-repo1"); s.Result != "Failed" || s.Attempts != 1 || s.Pending != nil {
		t.Errorf("the entry is %+v", s)
	}
	w.schedule(cpo.Full).Held = ""
	w.after(4 * time.Minute)
	w.wantRuns(fullOverdue)
	w.after(2 * time.Minute)
	w.wantRuns(fullOverdue, fullOverdue)
}

// TestMostOverdueGoesFirst: of the clusters that wait after an outage, the one that has had no
// backup for longest goes first.
func TestMostOverdueGoesFirst(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		since time.Duration // before noon, 0 for not known
		want  int32
	}{
		"not known":    {0, 20},
		"since 11:00":  {time.Hour, 21},
		"since a day":  {24 * time.Hour, 25},
		"since a week": {7 * 24 * time.Hour, 28},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := daily(t)
			full := w.schedule(cpo.Full)
			w.missing[cpo.Full] = true
			if tc.since > 0 {
				w.in.OverdueSince = map[string]time.Time{full.CronWorkflow: noon.Add(-tc.since)}
			}
			w.after(time.Minute)
			w.wantRuns(fullOverdue)
			if got := *w.created[0].Spec.Priority; got != tc.want {
				t.Errorf("the run has priority %d, want %d", got, tc.want)
			}
		})
	}
}

// TestOverdueFullComesFirst: the incr follows when the full is there.
func TestOverdueFullComesFirst(t *testing.T) {
	t.Parallel()
	w := daily(t)
	w.missing[cpo.Full], w.missing[cpo.Incr] = true, true
	w.after(time.Minute)
	w.wantRuns(fullOverdue)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.missing[cpo.Full] = false
	w.after(time.Minute)
	w.wantRuns(fullOverdue, incrOverdue)
}

// TestOverdueFirstBackup: the first backup of a new repo is overdue, too. One run makes it,
// with the pauses of a first backup.
func TestOverdueFirstBackup(t *testing.T) {
	t.Parallel()
	w := daily(t)
	w.in.Repos[0].LastBackup = nil
	w.missing[cpo.Full] = true
	w.after(time.Minute)
	w.wantRuns(noBackup)
	w.end(stanzaflowv1alpha1.RunFailed, "the store does not answer")
	w.after(4 * time.Minute)
	w.wantRuns(noBackup)
	w.wantMessage("overdue-repo1", "waits for initial-repo1")
	w.after(2 * time.Minute)
	w.wantRuns(noBackup, noBackup)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.missing[cpo.Full] = false
	w.after(time.Hour)
	w.wantRuns(noBackup, noBackup)
}

func TestOverdueWaits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change  func(*world)
		message string
		runs    []string
	}{
		"the schedule itself starts soon": {
			func(w *world) { w.schedule(cpo.Full).NextRunTime = new(metav1.NewTime(noon.Add(9 * time.Minute))) },
			"waits for the run of the schedule at 2026-11-29T12:09:00Z", nil,
		},
		"a run waits for a slot of a cap": {func(w *world) {
			w.in.Runs = append(w.in.Runs, outcome.Run{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{Workflow: "queued", Repo: "repo1", Type: cpo.Full, Result: stanzaflowv1alpha1.RunRunning}})
		}, "", nil},
		"Argo still owes a slot": {func(w *world) {
			w.in.Owed = map[string]trigger.Owed{"pgbackrest-orders-repo1-full": {Slot: noon.Add(-time.Hour), Until: noon.Add(-55 * time.Minute), MakesUp: true}}
		}, "waits for the run of the schedule at 2026-11-29T11:00:00Z", nil},
		"a run of another repo": {func(w *world) {
			w.in.Runs = append(w.in.Runs, outcome.Run{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{Workflow: "other", Repo: "repo2", Type: cpo.Full, Result: stanzaflowv1alpha1.RunRunning}})
		}, "", []string{fullOverdue}},
		"nothing may start":    {func(w *world) { w.in.Hold = "CPO manages the postgresql" }, "CPO manages the postgresql", nil},
		"the schedule is held": {func(w *world) { w.schedule(cpo.Full).Held = "suspended in Argo" }, "", nil},
		"only the full is held": {func(w *world) {
			w.schedule(cpo.Full).Held, w.missing[cpo.Incr] = "suspended in Argo", true
		}, "", []string{incrOverdue}},
		"it is not wanted":          {func(w *world) { w.in.Overdue = nil }, "", nil},
		"there is no next slot":     {func(w *world) { w.schedule(cpo.Full).NextRunTime = nil }, "", []string{fullOverdue}},
		"no primary is ready":       {func(w *world) { w.in.Seen.Primary.Ready = false }, "waits for the primary: pod orders-0 is not ready", nil},
		"the repo is not known yet": {func(w *world) { w.in.Repos = nil }, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := daily(t)
			w.missing[cpo.Full] = true
			tc.change(w)
			for range 4 {
				w.pass()
				w.in.Now = w.in.Now.Add(10 * time.Second)
			}
			w.wantRuns(tc.runs...)
			w.wantMessage("overdue-repo1", tc.message)
		})
	}
}
