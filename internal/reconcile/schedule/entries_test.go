// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// makePass is a pass over a state with nothing left to do, changed.
func makePass(t *testing.T, change func(*Pass)) Pass {
	t.Helper()
	p := Pass{State: reconciletest.State(t), Now: reconciletest.Noon}
	p.InForce = p.State.Objects[object.CronWorkflow]
	change(&p)
	p.Plan = reconciletest.Planned(t, p.State).Plan
	for _, workflow := range p.State.Backups() {
		p.Runs = append(p.Runs, outcome.Read(workflow, p.Now))
	}
	return p
}

// ran adds a run to a pass.
func ran(name, backupType string, result stanzaflowv1alpha1.RunResult, started string) func(*Pass) {
	return func(p *Pass) { reconciletest.AddRun(&p.State, name, backupType, result, started) }
}

func TestSummaryNamesSeveralRepos(t *testing.T) {
	got := Summary([]stanzaflowv1alpha1.ScheduleStatus{
		{Repo: "repo2", Type: cpo.Full, Schedule: "b"}, {Repo: "repo1", Type: cpo.Incr, Schedule: "c"}, {Repo: "repo1", Type: cpo.Full, Schedule: "a", EffectiveSchedule: "d", Offset: "45m"},
	})
	if want := "repo1 full a +45m, repo1 incr c, repo2 full b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A window moves when a schedule fires, and so when it is due, overdue and next. The status
// has both expressions.
func TestEntryOfAMovedSchedule(t *testing.T) {
	p := makePass(t, func(p *Pass) {
		for i, o := range p.InForce {
			o = o.DeepCopy()
			o.SetCreationTimestamp(metav1.NewTime(reconciletest.Noon.Add(-48 * time.Hour)))
			_ = unstructured.SetNestedStringSlice(o.Object, []string{"40 11 * * *"}, "spec", "schedules")
			object.Annotate(o, vocab.AnnotationSchedule, "0 11 * * *")
			object.Annotate(o, vocab.AnnotationOffset, "40m")
			p.InForce[i] = o
		}
	})
	entries, wake := Entries(nil, p)
	for _, e := range entries {
		if e.Schedule != "0 11 * * *" || e.EffectiveSchedule != "40 11 * * *" || e.Offset != "40m" {
			t.Errorf("%s: got schedule %q, effective %q, offset %q", e.CronWorkflow, e.Schedule, e.EffectiveSchedule, e.Offset)
		}
		if want := reconciletest.Moment("2026-11-23T11:40:00Z"); !e.NextRunTime.Time.Equal(want) {
			t.Errorf("%s: fires next at %s, want %s", e.CronWorkflow, e.NextRunTime, want)
		}
		// The slot of noon may be 65 minutes late. At 12:00 it would be overdue without the window.
		if !timetableIn(e).Latest(p.Now).Equal(reconciletest.Moment("2026-11-22T11:40:00Z")) {
			t.Errorf("%s: a schedule without its CronWorkflow is read as %q", e.CronWorkflow, e.Schedule)
		}
	}
	if want := reconciletest.Moment("2026-11-22T12:45:00Z"); !wake.Equal(want) {
		t.Errorf("looks again at %s, want %s", wake, want)
	}
}

// A moved slot counts from when the user has asked for it: with the schedule there was no such
// slot yet, and beside CPO its CronJob had it.
func TestMovedSlotCountsAsAsked(t *testing.T) {
	for changed, want := range map[string]bool{"2026-11-22T10:59:00Z": true, "2026-11-22T11:01:00Z": false} {
		o := reconciletest.State(t).Objects[object.CronWorkflow][0].DeepCopy()
		o.SetManagedFields(nil)
		o.SetCreationTimestamp(metav1.NewTime(reconciletest.Moment(changed)))
		_ = unstructured.SetNestedStringSlice(o.Object, []string{"40 11 * * *"}, "spec", "schedules")
		object.Annotate(o, vocab.AnnotationOffset, "40m")
		entry, now := stanzaflowv1alpha1.ScheduleStatus{InForceSince: InForceSince(o, Judged{})}, reconciletest.Moment("2026-11-22T14:00:00Z")
		if got, _ := overdue(TimetableOf(o), countsFrom(o, stanzaflowv1alpha1.ScheduleStatus{}, entry, now), Offset(o), entry, time.Time{}, now); got != want {
			t.Errorf("changed at %s: overdue is %t, want %t", changed, got, want)
		}
	}
}

// moved is a CronWorkflow of the user's 02:30 that a window moves, created and changed at
// moments. The change is an apply of whatever.
func moved(t *testing.T, effective, offset, created, changed string) *unstructured.Unstructured {
	t.Helper()
	o := reconciletest.State(t).Objects[object.CronWorkflow][0].DeepCopy()
	o.SetCreationTimestamp(metav1.NewTime(reconciletest.Moment(created)))
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: vocab.FieldManager, Operation: metav1.ManagedFieldsOperationApply, Time: new(metav1.NewTime(reconciletest.Moment(changed))),
	}})
	_ = unstructured.SetNestedStringSlice(o.Object, []string{effective}, "spec", "schedules")
	_ = unstructured.SetNestedField(o.Object, "UTC", "spec", "timezone")
	object.Annotate(o, vocab.AnnotationSchedule, "30 2 * * *")
	object.Annotate(o, vocab.AnnotationOffset, offset)
	return o
}

// What we change between the slot that the user asked for and the moved one, such as the name
// of another template, hides no slot.
func TestAChangeOfOursHidesNoSlot(t *testing.T) {
	o := moved(t, "15 3 * * *", "45m", "2026-11-20T00:00:00Z", "2026-11-22T03:00:00Z")
	entry, now := stanzaflowv1alpha1.ScheduleStatus{InForceSince: InForceSince(o, Judged{})}, reconciletest.Moment("2026-11-22T05:00:00Z")
	if late, _ := overdue(TimetableOf(o), countsFrom(o, stanzaflowv1alpha1.ScheduleStatus{}, entry, now), Offset(o), entry, time.Time{}, now); !late {
		t.Error("the slot of 03:15 is lost, and nobody says it")
	}
}

// A window that changes before a slot with the old offset, and after it with the new one, takes
// the slot away. That is overdue until a backup is proven.
func TestAWindowThatTakesASlotAway(t *testing.T) {
	backup := func(start string) *stanzaflowv1alpha1.BackupStatus {
		began := reconciletest.Moment(start)
		return &stanzaflowv1alpha1.BackupStatus{StartTime: metav1.NewTime(began), StopTime: metav1.NewTime(began.Add(time.Minute))}
	}
	const before, early, late = "2026-11-21T03:15:05Z", "2026-11-20T00:00:00Z", "2026-11-22T02:40:00Z"
	for name, tc := range map[string]struct {
		was, created, changed string
		backup                *stanzaflowv1alpha1.BackupStatus
		schedule              string
		runs                  bool
		want                  bool
	}{
		"lost":                               {was: "45m", created: early, changed: "2026-11-22T02:45:00Z", backup: backup(before), want: true},
		"made by hand":                       {was: "45m", created: early, changed: "2026-11-22T02:45:00Z", backup: backup("2026-11-22T02:40:00Z")},
		"a run makes it":                     {was: "45m", created: early, changed: "2026-11-22T02:45:00Z", backup: backup(before), runs: true},
		"the slot is still to come":          {was: "45m", created: early, changed: "2026-11-22T02:20:00Z", backup: backup("2026-11-22T02:30:05Z")},
		"the slot had come":                  {was: "45m", created: early, changed: "2026-11-22T03:16:00Z", backup: backup("2026-11-22T03:15:05Z")},
		"there was no schedule at that time": {was: "45m", created: late, changed: "2026-11-22T02:45:00Z"},
		"the user changed it, too":           {was: "45m", created: early, changed: "2026-11-22T02:45:00Z", schedule: "0 4 * * *"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := moved(t, "30 2 * * *", "", tc.created, tc.changed)
			p := makePass(t, func(p *Pass) { p.InForce, p.Runs = []*unstructured.Unstructured{o}, nil })
			was := stanzaflowv1alpha1.ScheduleStatus{CronWorkflow: o.GetName(), Schedule: "30 2 * * *", TimeZone: "UTC", Offset: tc.was, LastBackup: tc.backup}
			if tc.schedule != "" {
				was.Schedule = tc.schedule
			}
			if tc.runs {
				p.Runs = []outcome.Run{{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{
					Workflow: "run", Repo: o.GetLabels()[vocab.LabelRepo], Type: o.GetLabels()[vocab.LabelType],
					Result: stanzaflowv1alpha1.RunRunning, StartTime: new(metav1.NewTime(reconciletest.Moment("2026-11-22T02:40:00Z"))),
				}}}
			}
			entries := []stanzaflowv1alpha1.ScheduleStatus{was}
			for _, now := range []string{"2026-11-22T03:17:00Z", "2026-11-22T03:18:00Z", "2026-11-22T12:00:00Z", "2026-11-23T02:30:00Z"} {
				if now == "2026-11-23T02:30:00Z" && !tc.want {
					break
				}
				p.Now = reconciletest.Moment(now)
				if entries, _ = Entries(entries, p); entries[0].Overdue != tc.want {
					t.Errorf("at %s overdue is %t, want %t", now, entries[0].Overdue, tc.want)
				}
			}
			entries[0].LastBackup = backup("2026-11-23T02:30:05Z")
			p.Now = reconciletest.Moment("2026-11-23T02:40:00Z")
			if entries, _ = Entries(entries, p); entries[0].Overdue {
				t.Error("overdue after a proven backup")
			}
		})
	}
}

// TestInForceSince: a change of something else leaves it alone. While CPO makes the backups it is
// not known, so that no slot of CPO's is overdue when the schedule is taken over.
func TestInForceSince(t *testing.T) {
	const made, changed = "2026-11-20T00:00:00Z", "2026-11-22T02:45:00Z"
	o := moved(t, "30 2 * * *", "", made, changed)
	p := makePass(t, func(p *Pass) { p.InForce, p.Runs = []*unstructured.Unstructured{o}, nil })
	since := func(was []stanzaflowv1alpha1.ScheduleStatus) []stanzaflowv1alpha1.ScheduleStatus {
		t.Helper()
		entries, _ := Entries(was, p)
		return entries
	}
	want := func(entries []stanzaflowv1alpha1.ScheduleStatus, at string) {
		t.Helper()
		if got := entries[0].InForceSince; at == "" && got != nil || at != "" && (got == nil || !got.Time.Equal(reconciletest.Moment(at))) {
			t.Errorf("in force since %v, want %q", got, at)
		}
	}
	first := since(nil)
	want(first, changed)
	first[0].InForceSince = new(metav1.NewTime(reconciletest.Moment(made)))
	want(since(first), made)
	first[0].Schedule = "0 3 * * *"
	want(since(first), changed)
	p.Elsewhere = map[string]string{o.GetName(): "CPO makes the backups"}
	theirs := since(first)
	want(theirs, "")
	p.Elsewhere = nil
	want(since(theirs), changed)
}
