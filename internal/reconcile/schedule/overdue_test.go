// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"slices"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestOverdue(t *testing.T) {
	const daily, halfHourly = "30 2 * * *", "*/30 * * * *"
	backup := func(start, stop string) *stanzaflowv1alpha1.BackupStatus {
		return &stanzaflowv1alpha1.BackupStatus{StartTime: metav1.NewTime(reconciletest.Moment(start)), StopTime: metav1.NewTime(reconciletest.Moment(stop))}
	}
	run := func(result stanzaflowv1alpha1.RunResult) *stanzaflowv1alpha1.RunStatus {
		return &stanzaflowv1alpha1.RunStatus{Result: result}
	}
	yesterday := backup("2026-11-21T02:30:05Z", "2026-11-21T02:40:00Z")
	for name, tc := range map[string]struct {
		schedule, zone string
		// schedule is the effective one, offset what a window has added to the user's.
		offset string
		// since when the slots count, the 20th if empty.
		since  string
		backup *stanzaflowv1alpha1.BackupStatus
		last   *stanzaflowv1alpha1.RunStatus
		// excused is until when a running run may still make the backup.
		excused  string
		now      string
		want     bool
		wantLook string
	}{
		"not begun, within the allowance": {
			schedule: daily, backup: yesterday, now: "2026-11-22T03:34:59Z", wantLook: "2026-11-22T03:35:00Z",
		},
		"not begun": {
			schedule: daily, backup: yesterday, now: "2026-11-22T03:35:00Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"never": {
			schedule: daily, now: "2026-11-22T12:00:00Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"proven": {
			schedule: daily, backup: backup("2026-11-22T02:30:05Z", "2026-11-22T02:40:00Z"), now: "2026-11-22T12:00:00Z", wantLook: "2026-11-23T03:35:00Z",
		},
		"proven, on a clock that is a little behind": {
			schedule: daily, backup: backup("2026-11-22T02:29:40Z", "2026-11-22T02:29:50Z"), now: "2026-11-22T12:00:00Z", wantLook: "2026-11-23T03:35:00Z",
		},
		"proven by a run that outlived its interval": {
			schedule: daily, backup: backup("2026-11-21T02:30:05Z", "2026-11-22T02:30:01Z"), now: "2026-11-22T12:00:00Z", wantLook: "2026-11-23T03:35:00Z",
		},
		"proven, then a run failed before the next slot": {
			schedule: daily, backup: backup("2026-11-22T02:30:05Z", "2026-11-22T02:40:00Z"), last: run(stanzaflowv1alpha1.RunFailed),
			now: "2026-11-22T12:00:00Z", wantLook: "2026-11-23T03:35:00Z",
		},
		"failed": {
			schedule: daily, backup: yesterday, last: run(stanzaflowv1alpha1.RunFailed), now: "2026-11-22T12:00:00Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"held": {
			schedule: daily, backup: yesterday, last: run(stanzaflowv1alpha1.RunHeld), now: "2026-11-22T12:00:00Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"said nothing": {
			schedule: daily, backup: yesterday, last: run(stanzaflowv1alpha1.RunUnknown), now: "2026-11-22T12:00:00Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"a run is running": {
			schedule: daily, backup: yesterday, last: run(stanzaflowv1alpha1.RunRunning), excused: "2026-11-22T12:00:01Z", now: "2026-11-22T12:00:00Z", wantLook: "2026-11-22T12:00:01Z",
		},
		"a run is running that has no excuse": {
			schedule: daily, backup: yesterday, last: run(stanzaflowv1alpha1.RunRunning), now: "2026-11-22T12:00:00Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"it has none, in time": {
			schedule: daily, backup: yesterday, last: run(stanzaflowv1alpha1.RunRunning), now: "2026-11-22T03:34:59Z", wantLook: "2026-11-22T03:35:00Z",
		},
		"was due before it counts": {
			schedule: daily, since: "2026-11-22T02:30:01Z", now: "2026-11-22T12:00:00Z", wantLook: "2026-11-23T03:35:00Z",
		},
		"every half hour": {
			schedule: halfHourly, backup: backup("2026-11-22T12:00:05Z", "2026-11-22T12:01:00Z"), now: "2026-11-22T12:40:00Z", want: true, wantLook: "2026-11-22T13:10:00Z",
		},
		"every half hour, in time": {
			schedule: halfHourly, backup: backup("2026-11-22T12:00:05Z", "2026-11-22T12:01:00Z"), now: "2026-11-22T12:39:59Z", wantLook: "2026-11-22T12:40:00Z",
		},
		"every minute": {
			schedule: "* * * * *", backup: backup("2026-11-22T12:00:05Z", "2026-11-22T12:00:20Z"), now: "2026-11-22T12:07:00Z", want: true, wantLook: "2026-11-22T12:08:00Z",
		},
		"the allowance is that of the slot, not of the shortest gap": {
			schedule: "0,10 2 * * *", backup: backup("2026-11-22T02:00:05Z", "2026-11-22T02:01:00Z"), now: "2026-11-22T03:14:59Z", wantLook: "2026-11-22T03:15:00Z",
		},
		"a slot with a short gap is not covered by the long one after it": {
			schedule: "0,10 2 * * *", backup: backup("2026-11-21T02:10:05Z", "2026-11-21T02:11:00Z"), now: "2026-11-22T02:06:40Z", want: true, wantLook: "2026-11-22T03:15:00Z",
		},
		"in its time zone": {
			schedule: daily, zone: "Asia/Tokyo", backup: backup("2026-11-21T17:30:05Z", "2026-11-21T17:40:00Z"), now: "2026-11-22T18:34:59Z", wantLook: "2026-11-22T18:35:00Z",
		},
		"once in four years": {
			schedule: "0 0 29 2 *", since: "2020-01-01T00:00:00Z", now: "2026-11-22T12:00:00Z", want: true, wantLook: "2028-02-29T01:05:00Z",
		},
		"proven since the slot that the user asked for": {
			schedule: "15 3 * * *", offset: "45m", backup: backup("2026-11-22T02:30:05Z", "2026-11-22T02:40:00Z"), now: "2026-11-22T12:00:00Z", wantLook: "2026-11-23T04:20:00Z",
		},
		"proven before the slot that the user asked for": {
			schedule: "15 3 * * *", offset: "45m", backup: backup("2026-11-22T02:20:05Z", "2026-11-22T02:40:00Z"), now: "2026-11-22T12:00:00Z", want: true, wantLook: "2026-11-23T04:20:00Z",
		},
		"excused for a day": {
			schedule: daily, backup: yesterday, excused: "2026-11-23T02:30:05Z", now: "2026-11-23T02:30:04Z", wantLook: "2026-11-23T02:30:05Z",
		},
		"no longer excused": {
			schedule: daily, backup: yesterday, excused: "2026-11-23T02:30:05Z", now: "2026-11-23T02:30:05Z", want: true, wantLook: "2026-11-23T03:35:00Z",
		},
		"cannot be read": {schedule: "nonsense", now: "2026-11-22T12:00:00Z"},
		"unknown zone":   {schedule: daily, zone: "Nowhere", now: "2026-11-22T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entry := stanzaflowv1alpha1.ScheduleStatus{Schedule: tc.schedule, TimeZone: tc.zone, LastBackup: tc.backup, LastRun: tc.last}
			since := reconciletest.Moment("2026-11-20T00:00:00Z")
			if tc.since != "" {
				since = reconciletest.Moment(tc.since)
			}
			var excused time.Time
			if tc.excused != "" {
				excused = reconciletest.Moment(tc.excused)
			}
			got, look := overdue(timetableIn(entry), since, offsetIn(tc.offset), entry, excused, reconciletest.Moment(tc.now))
			if got != tc.want {
				t.Errorf("overdue is %v, want %v", got, tc.want)
			}
			wantLook := time.Time{}
			if tc.wantLook != "" {
				wantLook = reconciletest.Moment(tc.wantLook)
			}
			if !look.Equal(wantLook) {
				t.Errorf("looks again at %v, want %v", look, wantLook)
			}
		})
	}
}

// TestOverdueSince: the slot must be the first that provenSince refuses.
func TestOverdueSince(t *testing.T) {
	for name, tc := range map[string]struct {
		schedule, offset, start, stop, want string
	}{
		"the next slot":                {"30 2 * * *", "", "2026-11-21T02:30:05Z", "2026-11-21T02:40:00Z", "2026-11-22T02:30:00Z"},
		"on a clock that is behind":    {"30 2 * * *", "", "2026-11-21T02:29:40Z", "2026-11-21T02:29:50Z", "2026-11-22T02:30:00Z"},
		"by hand, an hour before":      {"30 2 * * *", "", "2026-11-21T01:30:00Z", "2026-11-21T01:40:00Z", "2026-11-21T02:30:00Z"},
		"it outlived its interval":     {"*/30 * * * *", "", "2026-11-21T02:30:05Z", "2026-11-21T03:10:00Z", "2026-11-21T03:30:00Z"},
		"since the user asked for it":  {"15 3 * * *", "45m", "2026-11-21T02:30:00Z", "2026-11-21T02:40:00Z", "2026-11-22T03:15:00Z"},
		"before the user asked for it": {"15 3 * * *", "45m", "2026-11-21T02:20:00Z", "2026-11-21T02:25:00Z", "2026-11-21T03:15:00Z"},
		"a schedule that never fires":  {"30 2 30 2 *", "", "2026-11-21T02:30:05Z", "2026-11-21T02:40:00Z", ""},
		"no backup":                    {"30 2 * * *", "", "", "", ""},
	} {
		entry := stanzaflowv1alpha1.ScheduleStatus{Schedule: "0 0 1 1 *", EffectiveSchedule: tc.schedule, Offset: tc.offset, TimeZone: "UTC"}
		var want time.Time
		if tc.want != "" {
			want = reconciletest.Moment(tc.want)
		}
		if tc.start != "" {
			entry.LastBackup = &stanzaflowv1alpha1.BackupStatus{StartTime: metav1.NewTime(reconciletest.Moment(tc.start)), StopTime: metav1.NewTime(reconciletest.Moment(tc.stop))}
		}
		got := OverdueSince(entry)
		if !got.Equal(want) {
			t.Errorf("%s: overdue since %s, want %s", name, got, want)
		}
		if entry.LastBackup != nil && !got.IsZero() && provenSince(entry.LastBackup, got, offsetIn(tc.offset)) {
			t.Errorf("%s: provenSince takes the backup for that of %s", name, got)
		}
	}
}

// TestOverdueIsFoundOnTime checks that a look at the promised moment finds the
// overdue slot, and misses none.
func TestOverdueIsFoundOnTime(t *testing.T) {
	for _, schedule := range []string{"*/30 * * * *", "0,1,30 */7 * * *", "* 2 * * *", "30 2 * * 0"} {
		entry := stanzaflowv1alpha1.ScheduleStatus{Schedule: schedule, TimeZone: "UTC"}
		times := timetableIn(entry)
		from := reconciletest.Moment("2026-11-19T23:59:59Z")
		_, look := overdue(times, from, 0, entry, time.Time{}, from)
		slot := times.Next(from)
		for range 70 {
			due, next := times.DueAt(look)
			if late, _ := overdue(times, from, 0, entry, time.Time{}, look); !late || !due.Equal(slot) || !next.After(look) {
				t.Fatalf("%s, at %v: overdue %v for %v, want %v; next look %v", schedule, look, late, due, slot, next)
			}
			slot, look = times.Next(slot), next
		}
	}
}

func TestCountsFrom(t *testing.T) {
	made, ran, now := reconciletest.Moment("2026-11-20T00:00:00Z"), reconciletest.Moment("2026-11-21T02:30:00Z"), reconciletest.Moment("2026-11-22T12:00:00Z")
	changed := func(manager string) *unstructured.Unstructured {
		u := object.New(object.CronWorkflow)
		_ = unstructured.SetNestedStringSlice(u.Object, []string{"30 2 * * *"}, "spec", "schedules")
		_ = unstructured.SetNestedField(u.Object, "UTC", "spec", "timezone")
		u.SetCreationTimestamp(metav1.NewTime(made))
		u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: manager, Time: new(metav1.NewTime(ran))}})
		return u
	}
	resumed := changed(vocab.FieldManager)
	resumed.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: vocab.FieldManager, Operation: metav1.ManagedFieldsOperationApply, Time: new(metav1.NewTime(made))},
		{Manager: vocab.FieldManager, Operation: metav1.ManagedFieldsOperationUpdate, Time: new(metav1.NewTime(ran))},
	})
	is := stanzaflowv1alpha1.ScheduleStatus{Schedule: "30 2 * * *", TimeZone: "UTC"}
	late := is
	late.Overdue = true
	moved := late
	moved.Offset = "45m"
	otherZone := late
	otherZone.TimeZone = "Europe/Vienna"
	inForce := is
	inForce.InForceSince = new(metav1.NewTime(made))
	inForceMoved := inForce
	inForceMoved.Offset = "45m"
	known := is
	known.LastRun = &stanzaflowv1alpha1.RunStatus{StartTime: new(metav1.NewTime(ran))}
	for name, tc := range map[string]struct {
		cronWorkflow *unstructured.Unstructured
		was, is      stanzaflowv1alpha1.ScheduleStatus
		want         time.Time
	}{
		"from when it was made":                              {changed("workflow-controller"), is, is, made},
		"from when we changed it":                            {changed(vocab.FieldManager), is, is, ran},
		"not from when we resumed it":                        {resumed, is, is, made},
		"not from when we changed something else":            {changed(vocab.FieldManager), inForce, is, made},
		"from when we changed the window":                    {changed(vocab.FieldManager), inForceMoved, is, ran},
		"what was overdue stays so, whatever else we change": {changed(vocab.FieldManager), late, is, time.Time{}},
		"what was overdue stays so with another window":      {changed(vocab.FieldManager), moved, is, time.Time{}},
		"in another zone it is another schedule":             {changed(vocab.FieldManager), otherZone, is, ran},
		"without Argo, from its last run":                    {nil, known, known, ran},
		"without Argo, and it never ran":                     {nil, is, is, now},
		"without Argo, and it was overdue":                   {nil, late, is, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.cronWorkflow != nil {
				tc.is.InForceSince = InForceSince(tc.cronWorkflow, judged(tc.was))
			}
			if got := countsFrom(tc.cronWorkflow, tc.was, tc.is, now); !got.Equal(tc.want) {
				t.Errorf("counts from %v, want %v", got, tc.want)
			}
		})
	}
}

// TestASlotThatWasStarted: what we apply to a CronWorkflow hides no slot whose run Argo has
// started, and counts none that it has not.
func TestASlotThatWasStarted(t *testing.T) {
	const slot, another = "2026-11-22T02:30:00Z", "2026-11-22T02:00:00Z"
	run := func(at string) *stanzaflowv1alpha1.RunStatus {
		return &stanzaflowv1alpha1.RunStatus{
			Workflow: fmt.Sprintf("%s-%d", reconciletest.Full, reconciletest.Moment(at).Unix()), Trigger: vocab.TriggerSchedule, Result: stanzaflowv1alpha1.RunFailed,
			StartTime: new(metav1.NewTime(reconciletest.Moment(at))),
		}
	}
	for name, tc := range map[string]struct {
		fired string
		was   stanzaflowv1alpha1.ScheduleStatus
		want  bool
	}{
		"nothing was started":         {},
		"Argo has noted it":           {fired: slot, want: true},
		"Argo has noted another one":  {fired: another},
		"it is the last run":          {was: stanzaflowv1alpha1.ScheduleStatus{LastRun: run(slot)}, want: true},
		"it is the run before":        {was: stanzaflowv1alpha1.ScheduleStatus{Runs: []stanzaflowv1alpha1.FinishedRun{{Workflow: run(slot).Workflow, Result: stanzaflowv1alpha1.RunFailed, StartTime: run(slot).StartTime}}}, want: true},
		"the last run is of another":  {was: stanzaflowv1alpha1.ScheduleStatus{LastRun: run(another)}},
		"the last run is a later one": {was: stanzaflowv1alpha1.ScheduleStatus{LastRun: run("2026-11-22T03:00:00Z")}},
	} {
		t.Run(name, func(t *testing.T) {
			p := makePass(t, func(p *Pass) {
				p.InForce = []*unstructured.Unstructured{moved(t, "30 2 * * *", "0s", "2026-11-20T00:00:00Z", "2026-11-22T02:50:00Z")}
				p.InForce[0].SetName(reconciletest.Full)
				if tc.fired != "" {
					_ = unstructured.SetNestedField(p.InForce[0].Object, tc.fired, "status", "lastScheduledTime")
				}
			})
			tc.was.CronWorkflow, tc.was.Repo, tc.was.Type, tc.was.Schedule, tc.was.TimeZone = reconciletest.Full, "repo1", cpo.Full, "30 2 * * *", "UTC"
			after, _ := Entries([]stanzaflowv1alpha1.ScheduleStatus{tc.was}, p)
			if after[0].CronWorkflow != reconciletest.Full || after[0].Overdue != tc.want {
				t.Errorf("overdue is %t, want %t: %+v", after[0].Overdue, tc.want, after)
			}
		})
	}
}

// TestExcusedUntil: any run that has begun may make the backup, whichever is the newest.
func TestExcusedUntil(t *testing.T) {
	at := func(hour int) *metav1.Time {
		return new(metav1.NewTime(reconciletest.Noon.Add(time.Duration(hour-12) * time.Hour)))
	}
	run := func(hour int, change func(*outcome.Run)) outcome.Run {
		r := outcome.Run{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{Repo: "repo1", Type: cpo.Full, Result: stanzaflowv1alpha1.RunRunning, StartTime: at(hour)}}
		change(&r)
		return r
	}
	good := func(*outcome.Run) {}
	notBegun := func(r *outcome.Run) { r.NotBegun = true }
	forCap := func(r *outcome.Run) { r.Wait = &outcome.Wait{Lock: "argo/ConfigMap/caps/all"} }
	suspended := func(r *outcome.Run) { r.Suspended = true }
	behind := func(holder string) func(*outcome.Run) {
		return func(r *outcome.Run) { r.Wait = &outcome.Wait{Lock: "db/Mutex/pgbackrest-shop", Holder: holder} }
	}
	other := func(change func(*outcome.Run)) outcome.Run {
		r := run(1, change)
		r.Status.Workflow, r.Status.Type = "incr-1", cpo.Incr
		return r
	}
	for name, tc := range map[string]struct {
		runs []outcome.Run
		want *metav1.Time
	}{
		"no run":                           {nil, nil},
		"a run":                            {[]outcome.Run{run(2, good)}, at(26)},
		"the newest run":                   {[]outcome.Run{run(2, good), run(4, good), run(3, good)}, at(28)},
		"a newer one has not begun":        {[]outcome.Run{run(2, good), run(4, notBegun)}, at(26)},
		"a newer one waits for a cap":      {[]outcome.Run{run(2, good), run(4, forCap)}, at(26)},
		"it waits for another run":         {[]outcome.Run{run(2, behind("incr-1")), other(good)}, at(26)},
		"it waits for one that is gone":    {[]outcome.Run{run(2, behind("incr-1"))}, at(26)},
		"it waits for one below a cap":     {[]outcome.Run{run(2, behind("incr-1")), other(forCap)}, nil},
		"it waits for one suspended":       {[]outcome.Run{run(2, behind("incr-1")), other(suspended)}, nil},
		"it is suspended":                  {[]outcome.Run{run(2, suspended)}, nil},
		"of another type, repo and kind":   {[]outcome.Run{run(2, func(r *outcome.Run) { r.Status.Type = cpo.Incr }), run(2, func(r *outcome.Run) { r.Status.Repo = "repo2" }), run(2, func(r *outcome.Run) { r.Kind = vocab.RunPredeploy })}, nil},
		"it has failed":                    {[]outcome.Run{run(2, func(r *outcome.Run) { r.Status.Result = stanzaflowv1alpha1.RunFailed })}, nil},
		"nobody knows when it was started": {[]outcome.Run{run(2, func(r *outcome.Run) { r.Status.StartTime = nil })}, nil},
	} {
		got := excusedUntil(stanzaflowv1alpha1.ScheduleStatus{Repo: "repo1", Type: cpo.Full}, tc.runs)
		if want := (time.Time{}); tc.want == nil && !got.Equal(want) || tc.want != nil && !got.Equal(tc.want.Time) {
			t.Errorf("%s: excused until %s, want %s", name, got, tc.want)
		}
	}
}

// TestOverdueWithoutItsRun: the CronWorkflow and the running run are gone, as with Argo's CRDs.
func TestOverdueWithoutItsRun(t *testing.T) {
	p := makePass(t, func(*Pass) {})
	before := []stanzaflowv1alpha1.ScheduleStatus{{
		CronWorkflow: reconciletest.Full, Repo: "repo1", Type: cpo.Full, Schedule: "30 2 * * *", TimeZone: "UTC",
		LastRun: &stanzaflowv1alpha1.RunStatus{
			Workflow: "full-1", Trigger: vocab.TriggerSchedule, Result: stanzaflowv1alpha1.RunRunning, StartTime: new(metav1.NewTime(reconciletest.Moment("2026-11-21T02:30:05Z"))),
		},
	}}
	p.State.ArgoInstalled, p.InForce, p.Runs = false, nil, nil
	if after, _ := Entries(before, p); len(after) != 1 || !after[0].Overdue {
		t.Errorf("the schedule is not overdue: %+v", after)
	}
}

// TestOverdueUntilTheRunBegins: a Workflow that Argo has not begun makes no backup. While its
// controller is down that may last for hours, and then nobody must call the schedule good.
func TestOverdueUntilTheRunBegins(t *testing.T) {
	for phase, want := range map[wfv1.WorkflowPhase]bool{wfv1.WorkflowRunning: false, wfv1.WorkflowUnknown: true, wfv1.WorkflowPending: true} {
		p := makePass(t, func(p *Pass) {
			for i, o := range p.InForce {
				o = o.DeepCopy()
				o.SetCreationTimestamp(metav1.NewTime(reconciletest.Noon.Add(-48 * time.Hour)))
				o.SetManagedFields(nil)
				_ = unstructured.SetNestedStringSlice(o.Object, []string{"0 9 * * *"}, "spec", "schedules")
				_ = unstructured.SetNestedField(o.Object, "UTC", "spec", "timezone")
				p.InForce[i] = o
			}
			ran("overdue", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T11:00:00Z")(p)
			p.State.Workflows[len(p.State.Workflows)-1].Status.Phase = phase
		})
		entries, _ := Entries(nil, p)
		i := slices.IndexFunc(entries, func(e stanzaflowv1alpha1.ScheduleStatus) bool { return e.Type == cpo.Full })
		if entries[i].LastRun == nil || entries[i].Overdue != want {
			t.Errorf("phase %q: %+v, want overdue %t", phase, entries[i], want)
		}
	}
}
