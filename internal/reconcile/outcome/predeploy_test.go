// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// point is what a pre-deploy run proves.
func point(reused bool) *report.Predeploy {
	return &report.Predeploy{Reused: reused, RestorePoint: "predeploy-20261129T090000.000Z", Time: start, LSN: "0/3000060", Timeline: 1}
}

// TestWhatEachKindProves: a backup that a pre-deploy run has made and proven counts.
// One that it found, and anything that a run for the stanza says, does not.
func TestWhatEachKindProves(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind          vocab.RunKind
		edit          func(*report.Report)
		wantSucceeded bool
		wantBackup    bool
		wantPoint     bool
	}{
		"pre-deploy with a backup of its own": {vocab.RunPredeploy, func(r *report.Report) { r.Predeploy = point(false) }, true, true, true},
		"pre-deploy with one that was there":  {vocab.RunPredeploy, func(r *report.Report) { r.Predeploy = point(true) }, true, false, true},
		"pre-deploy without a restore point":  {vocab.RunPredeploy, func(*report.Report) {}, false, false, false},
		"pre-deploy without a backup": {vocab.RunPredeploy, func(r *report.Report) {
			r.Predeploy, r.Backup = point(true), nil
		}, false, false, false},
		"the stanza": {vocab.RunStanza, func(r *report.Report) {
			r.Stanza, r.Backup = &report.Stanza{Created: true}, nil
		}, true, false, false},
		"the stanza, and a word of a backup":    {vocab.RunStanza, func(r *report.Report) { r.Stanza = &report.Stanza{} }, true, false, false},
		"the stanza, without a word of it":      {vocab.RunStanza, func(r *report.Report) { r.Backup = nil }, false, false, false},
		"a backup, and a word of a pre-deploy":  {vocab.RunBackup, func(*report.Report) {}, true, true, false},
		"pre-deploy, the report is of a backup": {vocab.RunPredeploy, func(r *report.Report) { r.Kind = vocab.RunBackup }, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			workflow := makeWorkflow(wfv1.WorkflowSucceeded)
			workflow.Labels[vocab.LabelKind] = string(tc.kind)
			workflow.Status.Outputs = outputs(t, proven(func(r *report.Report) { r.Kind = tc.kind; tc.edit(r) }))
			run := Read(workflow, start)
			if got := run.Status.Result == stanzaflowv1alpha1.RunSucceeded; got != tc.wantSucceeded {
				t.Errorf("result %s (%s), want success: %t", run.Status.Result, run.Status.Message, tc.wantSucceeded)
			}
			if (run.Backup != nil) != tc.wantBackup || (run.Predeploy != nil) != tc.wantPoint {
				t.Errorf("backup %v, restore point %v; want %t, %t", run.Backup, run.Predeploy, tc.wantBackup, tc.wantPoint)
			}
			history := History{}.Fold([]Run{run})
			if (history.LastRun != nil) != (tc.kind == vocab.RunBackup) || (history.LastBackup != nil) != tc.wantBackup {
				t.Errorf("the history of backups has the run %v and the backup %v", history.LastRun, history.LastBackup)
			}
			if last := FoldPredeploy(nil, []Run{run}); (last != nil) != (tc.kind == vocab.RunPredeploy) {
				t.Errorf("the last pre-deploy run is %v", last)
			}
		})
	}
}

func TestFoldPredeploy(t *testing.T) {
	t.Parallel()
	run := func(name string, minute int, result stanzaflowv1alpha1.RunResult) Run {
		r := Run{Kind: vocab.RunPredeploy, Status: stanzaflowv1alpha1.RunStatus{
			Workflow: name, Result: result, StartTime: new(metav1.NewTime(start.Add(time.Duration(minute) * time.Minute))),
		}}
		if result == stanzaflowv1alpha1.RunSucceeded {
			r.Predeploy = &stanzaflowv1alpha1.PredeployStatus{RestorePoint: "point-" + name}
		}
		return r
	}
	old, failed := run("a", 0, stanzaflowv1alpha1.RunSucceeded), run("b", 1, stanzaflowv1alpha1.RunFailed)
	running := run("c", 2, stanzaflowv1alpha1.RunRunning)
	known := FoldPredeploy(nil, []Run{old})
	for name, tc := range map[string]struct {
		runs          []Run
		want, restore string
	}{
		"nothing new":                  {nil, "a", "point-a"},
		"the same run":                 {[]Run{old}, "a", "point-a"},
		"a running one is no end":      {[]Run{running}, "a", "point-a"},
		"a failed one has no point":    {[]Run{failed, old}, "b", ""},
		"the order does not matter":    {[]Run{running, old, failed}, "b", ""},
		"an older one changes nothing": {[]Run{run("0", -1, stanzaflowv1alpha1.RunFailed)}, "a", "point-a"},
	} {
		got := FoldPredeploy(known, tc.runs)
		if diff := cmp.Diff([]string{tc.want, tc.restore}, []string{got.Workflow, got.RestorePoint}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
