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
	w.schedule(cpo.Full).Overdue = true
	w.after(time.Minute)
	w.wantRuns(fullOverdue)
	w.after(time.Minute)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.schedule(cpo.Full).Overdue = false
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
	w.schedule(cpo.Full).Overdue = true
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
	w.schedule(cpo.Full).Overdue = false // Somebody has made a backup by hand.
	w.after(5 * time.Hour)
	if len(w.created) != 7 {
		t.Errorf("%d runs, want none after the backup is there: %s", len(w.created), w)
	}
	w.wantMessage("overdue-repo1", "no schedule of repo1 is overdue any more")
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
			full.Overdue = true
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
	w.schedule(cpo.Full).Overdue, w.schedule(cpo.Incr).Overdue = true, true
	w.after(time.Minute)
	w.wantRuns(fullOverdue)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.schedule(cpo.Full).Overdue = false
	w.after(time.Minute)
	w.wantRuns(fullOverdue, incrOverdue)
}

// TestOverdueFirstBackup: the first backup of a new repo is overdue, too. One run makes it,
// with the pauses of a first backup.
func TestOverdueFirstBackup(t *testing.T) {
	t.Parallel()
	w := daily(t)
	w.in.Repos[0].LastBackup = nil
	w.schedule(cpo.Full).Overdue = true
	w.after(time.Minute)
	w.wantRuns(noBackup)
	w.end(stanzaflowv1alpha1.RunFailed, "the store does not answer")
	w.after(4 * time.Minute)
	w.wantRuns(noBackup)
	w.wantMessage("overdue-repo1", "waits for initial-repo1")
	w.after(2 * time.Minute)
	w.wantRuns(noBackup, noBackup)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.schedule(cpo.Full).Overdue = false
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
		}, "waits for run queued", nil},
		"a run of another repo": {func(w *world) {
			w.in.Runs = append(w.in.Runs, outcome.Run{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{Workflow: "other", Repo: "repo2", Type: cpo.Full, Result: stanzaflowv1alpha1.RunRunning}})
		}, "", []string{fullOverdue}},
		"nothing may start":         {func(w *world) { w.in.Hold = "CPO manages the postgresql" }, "CPO manages the postgresql", nil},
		"the schedule is held":      {func(w *world) { w.schedule(cpo.Full).Held = "suspended in Argo" }, "", nil},
		"it is not wanted":          {func(w *world) { w.in.Overdue = nil }, "", nil},
		"there is no next slot":     {func(w *world) { w.schedule(cpo.Full).NextRunTime = nil }, "", []string{fullOverdue}},
		"no primary is ready":       {func(w *world) { w.in.Seen.Primary.Ready = false }, "waits for the primary: pod orders-0 is not ready", nil},
		"the repo is not known yet": {func(w *world) { w.in.Repos = nil }, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := daily(t)
			w.schedule(cpo.Full).Overdue = true
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
