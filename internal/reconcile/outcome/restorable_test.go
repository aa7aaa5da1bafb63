// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"math"
	"slices"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// TestReadHeartbeat: it counts however the run has ended, if the report is its own.
func TestReadHeartbeat(t *testing.T) {
	t.Parallel()
	const microseconds = 204981 * time.Microsecond
	beat := start.Add(3*time.Second + microseconds)
	want := &stanzaflowv1alpha1.RestorableStatus{
		Newest: metav1.NewMicroTime(beat), Heartbeat: true, Timeline: 2, LSN: "0/5000028", ObservedTime: metav1.NewTime(start.Add(10 * time.Minute)),
	}
	with := func(h report.Heartbeat) report.Report { return proven(func(r *report.Report) { r.Heartbeat = &h }) }
	good := report.Heartbeat{Time: beat, LSN: "0/5000028", Timeline: 2}
	edited := func(change func(*report.Heartbeat)) report.Report {
		h := good
		change(&h)
		return with(h)
	}
	failed := with(good)
	failed.Result, failed.Backup, failed.Message = stanzaflowv1alpha1.RunFailed, nil, "the backup failed"
	foreign := with(good)
	foreign.Run = "uid-2"
	for name, tc := range map[string]struct {
		phase  wfv1.WorkflowPhase
		report report.Report
		want   *stanzaflowv1alpha1.RestorableStatus
	}{
		"a good run":                      {wfv1.WorkflowSucceeded, with(good), want},
		"a failed run":                    {wfv1.WorkflowFailed, failed, want},
		"a run that is running":           {wfv1.WorkflowRunning, with(good), nil},
		"a run without a heartbeat":       {wfv1.WorkflowSucceeded, proven(), nil},
		"a position that nobody can read": {wfv1.WorkflowSucceeded, edited(func(h *report.Heartbeat) { h.LSN = "somewhere" }), &stanzaflowv1alpha1.RestorableStatus{Newest: want.Newest, Heartbeat: true, Timeline: 2, ObservedTime: want.ObservedTime}},
		"the report of another run":       {wfv1.WorkflowSucceeded, foreign, nil},
		"no time":                         {wfv1.WorkflowSucceeded, edited(func(h *report.Heartbeat) { h.Time = time.Time{} }), nil},
		"no timeline":                     {wfv1.WorkflowSucceeded, edited(func(h *report.Heartbeat) { h.Timeline = 0 }), nil},
		"a timeline that no status has":   {wfv1.WorkflowSucceeded, edited(func(h *report.Heartbeat) { h.Timeline = math.MaxInt32 + 1 }), nil},
		"a clock that is a minute ahead":  {wfv1.WorkflowSucceeded, edited(func(h *report.Heartbeat) { h.Time = start.Add(11 * time.Minute) }), &stanzaflowv1alpha1.RestorableStatus{Newest: metav1.NewMicroTime(start.Add(11 * time.Minute)), Heartbeat: true, Timeline: 2, LSN: "0/5000028", ObservedTime: want.ObservedTime}},
		"a clock that is two years ahead": {wfv1.WorkflowSucceeded, edited(func(h *report.Heartbeat) { h.Time = start.AddDate(2, 0, 0) }), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Read(makeWorkflow(tc.phase, func(w *wfv1.Workflow) { w.Status.Outputs = outputs(t, tc.report) }), start).Heartbeat
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("heartbeat (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFoldHeartbeats: the newest one counts for every repo that has a backup before it.
func TestFoldHeartbeats(t *testing.T) {
	t.Parallel()
	beat := func(minutes int, timeline int32) Run {
		run := at("beat", minutes, stanzaflowv1alpha1.RunFailed)
		run.Heartbeat = &stanzaflowv1alpha1.RestorableStatus{
			Newest: metav1.NewMicroTime(start.Add(time.Duration(minutes)*time.Minute + 200*time.Millisecond)), Heartbeat: true, Timeline: timeline,
			ObservedTime: metav1.NewTime(start.Add(time.Duration(minutes+5) * time.Minute)),
		}
		return run
	}
	watch := &stanzaflowv1alpha1.RestorableStatus{Newest: metav1.NewMicroTime(start.Add(25 * time.Minute)), Timeline: 1, ObservedTime: metav1.NewTime(start.Add(26 * time.Minute))}
	oldest := func(minutes int) *metav1.Time {
		return new(metav1.NewTime(start.Add(time.Duration(minutes) * time.Minute)))
	}
	backup := &stanzaflowv1alpha1.BackupStatus{Label: "b", StopTime: *oldest(0)}
	here := func(r *stanzaflowv1alpha1.RepoStatus) { r.OldestBackupTime = oldest(30) }
	for name, tc := range map[string]struct {
		repo stanzaflowv1alpha1.RepoStatus
		runs []Run
		// want is how many minutes after start the newest moment is, none if negative.
		want      int
		heartbeat bool
		// before: a heartbeat before it is kept.
		before bool
	}{
		"nothing":                             {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(0)}, nil, -1, false, false},
		"the newest of three":                 {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(0)}, []Run{beat(10, 1), beat(30, 1), beat(20, 1)}, 30, true, false},
		"a failover":                          {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(0)}, []Run{beat(10, 1), beat(30, 2)}, 30, true, false},
		"after an upgrade PostgreSQL is at 1": {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(0)}, []Run{beat(10, 5), beat(30, 1)}, 30, true, false},
		"a watch has seen more":               {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(0), Restorable: watch}, []Run{beat(20, 1)}, 25, false, true},
		"a watch, and its backup is after the heartbeat": {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(22), Restorable: watch}, []Run{beat(20, 1)}, 25, false, false},
		"a watch that has seen more than two heartbeats": {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(0), Restorable: watch}, []Run{beat(10, 1), beat(20, 1)}, 25, false, true},
		"a watch has seen less":                          {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(0), Restorable: watch}, []Run{beat(30, 1)}, 30, true, false},
		"the first backup is after it":                   {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(20)}, []Run{beat(10, 1)}, -1, false, false},
		"its backups have expired":                       {stanzaflowv1alpha1.RepoStatus{LastBackup: backup, OldestBackupTime: oldest(30), Restorable: watch}, nil, -1, false, false},
		"the repo has no backup":                         {stanzaflowv1alpha1.RepoStatus{Restorable: watch}, []Run{beat(10, 1)}, -1, false, false},
		"no run has proven a backup there":               {stanzaflowv1alpha1.RepoStatus{OldestBackupTime: oldest(0)}, []Run{beat(10, 1)}, -1, false, false},
		"a run that proves the first one":                {stanzaflowv1alpha1.RepoStatus{Name: "repo1", Storage: "s3", Location: "s3://shop/path"}, []Run{beat(31, 1), found("a", 29, here)}, 31, true, false},
		"a run that proves a later one":                  {stanzaflowv1alpha1.RepoStatus{Name: "repo1", Storage: "s3", Location: "s3://shop/path", LastBackup: backup, OldestBackupTime: oldest(0), Restorable: watch}, []Run{found("a", 29, func(r *stanzaflowv1alpha1.RepoStatus) { r.OldestBackupTime = oldest(0) })}, 25, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := *tc.repo.DeepCopy()
			after := FoldRepo(tc.repo, tc.runs)
			reversed := slices.Clone(tc.runs)
			slices.Reverse(reversed)
			if diff := cmp.Diff(after, FoldRepo(tc.repo, reversed)); diff != "" {
				t.Errorf("the order matters: %s", diff)
			}
			if diff := cmp.Diff(after, FoldRepo(after, tc.runs)); diff != "" {
				t.Errorf("folding the same runs again changes: %s", diff)
			}
			if !equality.Semantic.DeepEqual(before, tc.repo) {
				t.Error("the status before has changed")
			}
			if tc.want < 0 {
				if after.Restorable != nil {
					t.Errorf("it is %+v, want none", after.Restorable)
				}
				return
			}
			want := start.Add(time.Duration(tc.want) * time.Minute)
			if is := after.Restorable; is != nil && (is.LastHeartbeat != nil) != tc.before {
				t.Errorf("the heartbeat before it: %+v, want one: %t", is.LastHeartbeat, tc.before)
			}
			if is := after.Restorable; is == nil || !is.Newest.Truncate(time.Second).Equal(want) || is.Heartbeat != tc.heartbeat {
				t.Errorf("it is %+v, want %s with heartbeat %t", is, want, tc.heartbeat)
			}
		})
	}
}
