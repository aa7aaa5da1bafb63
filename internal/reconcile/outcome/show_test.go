// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestShow says what a DBA reads in Argo's list of runs.
func TestShow(t *testing.T) {
	t.Parallel()
	const running, succeeded, failing = wfv1.WorkflowRunning, wfv1.WorkflowSucceeded, wfv1.WorkflowFailed
	reports := func(r report.Report) func(*wfv1.Workflow) {
		return func(w *wfv1.Workflow) { w.Status.Outputs = outputs(t, r) }
	}
	message := func(text string) func(*wfv1.Workflow) {
		return func(w *wfv1.Workflow) { w.Status.Message = text }
	}
	ofKind := func(kind vocab.RunKind) func(*wfv1.Workflow) {
		return func(w *wfv1.Workflow) { w.Labels[vocab.LabelKind] = string(kind) }
	}
	waits := func(w *wfv1.Workflow) {
		w.Namespace = "db"
		w.Status.Synchronization = &wfv1.SynchronizationStatus{Mutex: &wfv1.MutexStatus{Waiting: []wfv1.MutexHolding{{
			Mutex: "db/Mutex/pgbackrest-shop", Holder: "db/full-1/full-1-7",
		}}}}
	}
	good := proven(func(r *report.Report) {
		r.Backup.RepoDeltaBytes, r.Backup.Verified = 203<<20, stanzaflowv1alpha1.VerifiedContents
	})
	failure := func(code int, message string) report.Report {
		r := failed(stanzaflowv1alpha1.RunFailed, message)
		r.Code = code
		return r
	}
	stanza := failed(stanzaflowv1alpha1.RunSucceeded, "")
	stanza.Kind, stanza.Stanza = vocab.RunStanza, &report.Stanza{Created: true}
	predeploy := proven(func(r *report.Report) {
		r.Kind = vocab.RunPredeploy
		r.Predeploy = &report.Predeploy{RestorePoint: "release-42-20261122T024004.123Z", Reused: true}
	})
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		want     vocab.ShownResult
		says     string
	}{
		"runs":                    {makeWorkflow(running), vocab.ShownRunning, ""},
		"waits for another":       {makeWorkflow(running, waits), vocab.ShownWaiting, "waits for run full-1"},
		"waits, before it starts": {makeWorkflow(wfv1.WorkflowPending, waits), vocab.ShownWaiting, "waits for run full-1"},
		"runs again after argo retry, with its old report": {
			makeWorkflow(running, reports(failure(39, "[039] x"))), vocab.ShownRunning, "",
		},
		"proven": {makeWorkflow(succeeded, reports(good)), vocab.ShownProven, "20261122-023010F, 203.0 MB, read back"},
		"proven by the list of files": {
			makeWorkflow(succeeded, reports(proven(func(r *report.Report) { r.Backup.Verified = stanzaflowv1alpha1.VerifiedFiles }))),
			vocab.ShownProven, "20261122-023010F, 100 B, files compared",
		},
		"proven, and expire failed": {
			makeWorkflow(succeeded, reports(proven(func(r *report.Report) {
				r.Retention = &report.Retention{Failed: true, Code: 75, Message: "pgbackrest expire failed: [075] no space"}
			}))),
			vocab.ShownProven, "20261122-023010F, 100 B, RetentionFailed: [075] no space (pgbackrest expire failed)",
		},
		"made the stanza":            {makeWorkflow(succeeded, ofKind(vocab.RunStanza), reports(stanza)), vocab.ShownDone, "stanza in every repo"},
		"before a deploy":            {makeWorkflow(succeeded, ofKind(vocab.RunPredeploy), reports(predeploy)), vocab.ShownProven, "release-42-20261122T024004.123Z, 20261122-023010F"},
		"held":                       {makeWorkflow(failing, reports(failed(stanzaflowv1alpha1.RunHeld, "the cluster is a standby"))), vocab.ShownHeld, "the cluster is a standby"},
		"failed":                     {makeWorkflow(failing, reports(failure(0, "no pod has the labels of the primary"))), vocab.ShownFailed, "no pod has the labels of the primary"},
		"failed, the code is first":  {makeWorkflow(failing, reports(failure(39, "[039] store refuses access"))), vocab.ShownFailed, "[039] store refuses access"},
		"failed, the code is inside": {makeWorkflow(failing, reports(failure(82, "pgbackrest check failed: [082] WAL was not archived"))), vocab.ShownFailed, "[082] WAL was not archived (pgbackrest check failed)"},
		"failed, the code is nowhere": {
			makeWorkflow(failing, reports(failure(50, "another backup runs"))), vocab.ShownFailed, "[050] another backup runs",
		},
		"failed in several lines": {makeWorkflow(failing, reports(failure(0, "a\nb\tc"))), vocab.ShownFailed, "a b c"},
		"failed with what Argo would evaluate, and a link": {
			makeWorkflow(failing, reports(failure(0, "{{workflow.name}} ![x](http://store) [y][z]"))), vocab.ShownFailed, "{ {workflow.name}} ![x] (http://store) [y] [z]",
		},
		"failed without a report": {makeWorkflow(failing, node("a", wfv1.NodeFailed, time.Minute, "pod deleted", nil)), vocab.ShownFailed, "backup: pod deleted"},
		"stopped by a person":     {makeWorkflow(failing, message("Stopped with strategy 'Stop'")), vocab.ShownEnded, "the run was stopped (argo stop); if it had begun a backup, kubectl describe of the Workflow or pgbackrest info says what became of it"},
		"terminated":              {makeWorkflow(failing, message("Stopped with strategy 'Terminate'")), vocab.ShownEnded, "the run was stopped (argo terminate); if it had begun a backup, kubectl describe of the Workflow or pgbackrest info says what became of it"},
		"held, and stopped": {
			makeWorkflow(failing, message("Stopped with strategy 'Stop'"), reports(failed(stanzaflowv1alpha1.RunHeld, "the gate is false"))), vocab.ShownHeld, "the gate is false",
		},
		"out of Argo's time": {makeWorkflow(failing, message(argoDeadline)), vocab.ShownEnded, "the run exceeded activeDeadlineSeconds, so Argo ended it; kubectl describe of the Workflow may say more"},
		"out of its own time": {
			makeWorkflow(failing, reports(failure(0, vocab.OverLimit+"470m: waited for the lock"))), vocab.ShownEnded, "the run exceeded its limit of 470m: waited for the lock",
		},
		"good without a report": {makeWorkflow(succeeded), vocab.ShownUnknown, "The Workflow succeeded, but the run left no report, so no backup is proven"},
		"good with the report of another run": {
			makeWorkflow(succeeded, reports(proven(func(r *report.Report) { r.Run = "another" }))),
			vocab.ShownUnknown, "The Workflow succeeded, but its report is of another run, so no backup is proven",
		},
		"failed with the report of another run": {
			makeWorkflow(failing, reports(proven(func(r *report.Report) {
				r.Run, r.Result, r.Code, r.Message, r.Backup = "another", stanzaflowv1alpha1.RunHeld, 39, "not ours", nil
			})), message("pod deleted")), vocab.ShownFailed, "pod deleted",
		},
		"failed with a report that says it succeeded": {makeWorkflow(failing, reports(good), message("pod deleted")), vocab.ShownFailed, "pod deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Show(tc.workflow); got.Result != tc.want || got.Description != tc.says {
				t.Errorf("got  %s: %s\nwant %s: %s", got.Result, got.Description, tc.want, tc.says)
			}
		})
	}
}

// TestShowIsBounded: the policy stanzaflow-workflows allows no longer description.
func TestShowIsBounded(t *testing.T) {
	t.Parallel()
	r := failed(stanzaflowv1alpha1.RunFailed, strings.Repeat("ä](", 300))
	r.Code = 39
	got := Show(makeWorkflow(wfv1.WorkflowFailed, func(w *wfv1.Workflow) { w.Status.Outputs = outputs(t, r) }))
	if len(got.Description) > report.MaxMessage || !strings.HasPrefix(got.Description, "[039] ä") || strings.Contains(got.Description, "](") {
		t.Errorf("%d bytes: %s", len(got.Description), got.Description)
	}
}
