// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"math"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// found is a run that proved a backup some minutes after start.
func found(name string, minutes int, change ...func(*stanzaflowv1alpha1.RepoStatus)) Run {
	run := at(name, minutes, stanzaflowv1alpha1.RunSucceeded)
	run.Repo = &stanzaflowv1alpha1.RepoStatus{
		Name: "repo1", Storage: "s3", Location: "s3://shop/path", Cipher: "none", Backups: int32(minutes), LastBackup: run.Backup.DeepCopy(),
	}
	for _, c := range change {
		c(run.Repo)
	}
	return run
}

func TestFoldRepo(t *testing.T) {
	other := func(change func(*stanzaflowv1alpha1.RepoStatus)) []Run { return []Run{found("other", 90, change)} }
	for name, tc := range map[string]struct {
		steps [][]Run
		want  string
	}{
		"nothing":                  {[][]Run{{}}, ""},
		"one":                      {[][]Run{{found("a", 10)}}, "a"},
		"the newest wins":          {[][]Run{{found("b", 20), found("a", 10)}}, "b"},
		"it is remembered":         {[][]Run{{found("a", 10)}, {}}, "a"},
		"an older one comes late":  {[][]Run{{found("b", 20)}, {found("a", 10)}}, "b"},
		"a run without a backup":   {[][]Run{{found("a", 10), at("b", 20, stanzaflowv1alpha1.RunFailed)}}, "a"},
		"of another repo":          {[][]Run{other(func(r *stanzaflowv1alpha1.RepoStatus) { r.Name = "repo2" })}, ""},
		"of another place":         {[][]Run{other(func(r *stanzaflowv1alpha1.RepoStatus) { r.Location = "s3://other/path" })}, ""},
		"of another storage":       {[][]Run{other(func(r *stanzaflowv1alpha1.RepoStatus) { r.Storage = "gcs" })}, ""},
		"a report without a place": {[][]Run{other(func(r *stanzaflowv1alpha1.RepoStatus) { r.Location, r.Storage = "", "" })}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forward := stanzaflowv1alpha1.RepoStatus{Name: "repo1", Storage: "s3", Location: "s3://shop/path"}
			backward := forward
			for _, runs := range tc.steps {
				forward = FoldRepo(forward, runs)
				var reversed []Run
				for i := range runs {
					reversed = append(reversed, runs[len(runs)-1-i])
				}
				backward = FoldRepo(backward, reversed)
				if diff := cmp.Diff(forward, FoldRepo(forward, runs)); diff != "" {
					t.Errorf("folding the same runs again changes: %s", diff)
				}
			}
			if diff := cmp.Diff(forward, backward); diff != "" {
				t.Errorf("the order matters: %s", diff)
			}
			label := ""
			if forward.LastBackup != nil {
				label = forward.LastBackup.Label
			}
			if label != tc.want || (forward.Cipher == "none") != (tc.want != "") {
				t.Errorf("it is %+v, want %q", forward, tc.want)
			}
		})
	}
}

// TestReadRepo: only what a proven run has found is known of a repo.
func TestReadRepo(t *testing.T) {
	t.Parallel()
	detailed := proven(func(r *report.Report) {
		r.Backup.Storage, r.Backup.Location, r.Backup.Cipher = "s3", "s3://shop/path", "aes-256-cbc"
		r.Backup.BackupsInRepo, r.Backup.FullsInRepo, r.Backup.OldestInRepo = 7, 2, start.Add(-time.Hour)
	})
	good := makeWorkflow(wfv1.WorkflowSucceeded, func(w *wfv1.Workflow) { w.Status.Outputs = outputs(t, detailed) })
	got := Read(good, start)
	want := &stanzaflowv1alpha1.RepoStatus{
		Name: "repo1", Storage: "s3", Location: "s3://shop/path", Cipher: "aes-256-cbc", Backups: 7, Fulls: 2,
		OldestBackupTime: new(metav1.NewTime(start.Add(-time.Hour))), LastBackup: got.Backup,
	}
	if diff := cmp.Diff(want, got.Repo); diff != "" {
		t.Errorf("repo (-want +got): %s", diff)
	}
	if r := Read(makeWorkflow(wfv1.WorkflowSucceeded, func(w *wfv1.Workflow) { w.Status.Outputs = outputs(t, proven()) }), start).Repo; r != nil {
		t.Errorf("a report without a place says %+v", r)
	}
	for name, phase := range map[string]wfv1.WorkflowPhase{"failed": wfv1.WorkflowFailed, "running": wfv1.WorkflowRunning} {
		w := makeWorkflow(phase, func(w *wfv1.Workflow) { w.Status.Outputs = outputs(t, detailed) })
		if r := Read(w, start).Repo; r != nil {
			t.Errorf("a run that %s says %+v", name, r)
		}
	}
	for n, want := range map[int]int32{-1: 0, 5: 5, math.MaxInt32 + 1: math.MaxInt32} {
		if got := count(n); got != want {
			t.Errorf("count(%d) is %d", n, got)
		}
	}
}
