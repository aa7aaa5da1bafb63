// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// try is one attempt of a task: a pod.
type try struct {
	phase wfv1.NodePhase
	// end is a second after the start of the run, -1 if Argo has not written any. Argo
	// does so when the result of the pod is in.
	end     int
	message string
	report  *report.Report
}

func synced(phase wfv1.NodePhase, end int) try { return try{phase: phase, end: end} }

// task adds to a run of the form dag the nodes of one task as Argo 3.7 writes them: below
// the node of the DAG one that holds the attempts, which has the phase of the last one, and
// below that a pod for each. A pod with one container has no nodes of containers.
func task(t *testing.T, step string, tries ...try) func(*wfv1.Workflow) {
	t.Helper()
	return func(w *wfv1.Workflow) {
		if w.Status.Nodes == nil {
			w.Status.Nodes = wfv1.Nodes{"run-1": {ID: "run-1", Name: w.Name, DisplayName: w.Name, Type: wfv1.NodeTypeDAG, TemplateName: "backup-dag", Phase: wfv1.NodeRunning}}
		}
		retry := wfv1.NodeStatus{ID: step, Name: w.Name + "." + step, DisplayName: step, Type: wfv1.NodeTypeRetry, TemplateName: "dag-" + step, BoundaryID: "run-1", Phase: wfv1.NodeRunning}
		for i, try := range tries {
			pod := wfv1.NodeStatus{
				ID: fmt.Sprintf("%s-%d", step, i), Name: fmt.Sprintf("%s(%d)", retry.Name, i), DisplayName: fmt.Sprintf("%s(%d)", step, i),
				Type: wfv1.NodeTypePod, TemplateName: retry.TemplateName, BoundaryID: "run-1", Phase: try.phase, Message: try.message,
				StartedAt: metav1.NewTime(start), TaskResultSynced: new(try.end >= 0),
			}
			if try.end >= 0 {
				pod.FinishedAt = metav1.NewTime(start.Add(time.Duration(try.end) * time.Second))
			}
			if try.report != nil {
				pod.Outputs = outputs(t, *try.report)
				w.Status.Outputs = pod.Outputs // a global output
			}
			retry.Children = append(retry.Children, pod.ID)
			if try.end >= 0 && try.phase.Completed() && i == len(tries)-1 {
				retry.Phase, retry.FinishedAt, retry.Outputs = try.phase, pod.FinishedAt, pod.Outputs
			}
			w.Status.Nodes[pod.ID] = pod
		}
		w.Status.Nodes[retry.ID] = retry
	}
}

// written has Argo write the Workflow some seconds after the start of the run, and us later.
func written(second int) func(*wfv1.Workflow) {
	at := func(second int) *metav1.Time {
		return new(metav1.NewTime(start.Add(time.Duration(second) * time.Second)))
	}
	return func(w *wfv1.Workflow) {
		w.ManagedFields = []metav1.ManagedFieldsEntry{
			{Manager: "argo", Operation: metav1.ManagedFieldsOperationUpdate, Time: at(0)},
			{Manager: "workflow-controller", Operation: metav1.ManagedFieldsOperationUpdate, Time: at(second)},
			{Manager: vocab.FieldManager, Operation: metav1.ManagedFieldsOperationUpdate, Time: at(second + 60)},
		}
	}
}

// TestFindUnnoticedOfDAG: a DAG has a pod for each step and attempt. One that has ended,
// and whose result is in, is no sign that the run is over.
func TestFindUnnoticedOfDAG(t *testing.T) {
	t.Parallel()
	const running, good, bad = wfv1.NodeRunning, wfv1.NodeSucceeded, wfv1.NodeFailed
	run := func(change ...func(*wfv1.Workflow)) *wfv1.Workflow {
		return makeWorkflow(wfv1.WorkflowRunning, change...)
	}
	task := func(step string, tries ...try) func(*wfv1.Workflow) { return task(t, step, tries...) }
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		// wantFrom is seconds after the start, 0 for nothing to notice.
		wantFrom int
	}{
		"waits for its lock": {workflow: run(func(w *wfv1.Workflow) {
			w.Status.Nodes = wfv1.Nodes{"run-1": {ID: "run-1", Name: "run-1", Type: wfv1.NodeTypeDAG, Phase: wfv1.NodePending}}
		})},
		"the first task works":                    {workflow: run(task("precheck", synced(running, -1)))},
		"between two tasks":                       {workflow: run(task("precheck", synced(good, 5)), written(5))},
		"the second task works":                   {workflow: run(task("precheck", synced(good, 5)), task("backup", synced(running, -1)))},
		"its second attempt works":                {workflow: run(task("precheck", synced(good, 5)), task("backup", synced(bad, 60), synced(running, -1)))},
		"waits for its backoff":                   {workflow: run(task("precheck", synced(good, 5)), task("backup", synced(bad, 60)), written(60))},
		"expire has failed":                       {workflow: run(task("precheck", synced(good, 5)), task("backup", synced(good, 60)), task("expire", synced(bad, 70)), task("verify", synced(running, -1)))},
		"verify has ended, and Argo ends the run": {workflow: run(task("precheck", synced(good, 5)), task("backup", synced(good, 60)), task("expire", synced(good, 70)), task("verify", synced(good, 75)))},
		"the result of a pod that failed is not in": {
			workflow: run(task("precheck", synced(good, 5)), task("backup", synced(bad, -1)), written(61)), wantFrom: 81,
		},
		"the same of a later attempt": {
			workflow: run(task("precheck", synced(good, 5)), task("backup", synced(bad, 60), synced(wfv1.NodeError, -1)), written(200)), wantFrom: 220,
		},
		"the same of the last task": {
			workflow: run(task("precheck", synced(good, 5)), task("backup", synced(good, 60)), task("expire", synced(good, 70)), task("verify", synced(bad, -1)), written(90)), wantFrom: 110,
		},
		"the run is over": {workflow: makeWorkflow(wfv1.WorkflowFailed, task("precheck", synced(bad, -1)))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := FindUnnoticed(tc.workflow)
			if tc.wantFrom == 0 {
				if got != nil {
					t.Errorf("got %+v, want nothing", got)
				}
				return
			}
			want := &Unnoticed{
				From: start.Add(time.Duration(tc.wantFrom) * time.Second), Touch: true,
				Message: "A pod of the run has ended, and Argo has not noticed; the operator touches the Workflow so that Argo looks again",
			}
			if diff := cmp.Diff(plain(want), plain(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadDAG says how runs of the form dag ended, and how Argo's lists show them.
func TestReadDAG(t *testing.T) {
	t.Parallel()
	const good, bad = wfv1.NodeSucceeded, wfv1.NodeFailed
	const succeeded, failing = wfv1.WorkflowSucceeded, wfv1.WorkflowFailed
	task := func(step string, tries ...try) func(*wfv1.Workflow) { return task(t, step, tries...) }
	says := func(phase wfv1.NodePhase, end int, r report.Report) try {
		message := ""
		if phase == bad {
			message = "main: Error (exit code 30): " + r.Message
		}
		return try{phase: phase, end: end, message: message, report: &r}
	}
	unknown := func(step string) report.Report {
		return proven(func(r *report.Report) {
			r.Result, r.Step, r.Backup, r.Retention = stanzaflowv1alpha1.RunUnknown, step, nil, nil
		})
	}
	failure := func(step, message string) report.Report {
		return proven(func(r *report.Report) {
			r.Result, r.Step, r.Message, r.Code, r.Backup, r.Retention = stanzaflowv1alpha1.RunFailed, step, message, 82, nil, nil
		})
	}
	precheck, backup := task("precheck", says(good, 5, unknown("precheck"))), task("backup", says(good, 60, unknown("backup")))
	message := func(text string) func(*wfv1.Workflow) {
		return func(w *wfv1.Workflow) { w.Status.Message = text }
	}
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		want     stanzaflowv1alpha1.RunResult
		shown    vocab.ShownResult
		says     string
	}{
		"proven": {
			makeWorkflow(succeeded, precheck, backup, task("expire", says(good, 70, unknown("expire"))), task("verify", says(good, 80, proven()))),
			stanzaflowv1alpha1.RunSucceeded, vocab.ShownProven, "20261122-023010F, 100 B",
		},
		"proven at the second attempt of verify": {
			makeWorkflow(succeeded, precheck, backup, task("expire", says(good, 70, unknown("expire"))),
				task("verify", says(bad, 80, failure("verify", "[082] x")), says(good, 100, proven()))),
			stanzaflowv1alpha1.RunSucceeded, vocab.ShownProven, "20261122-023010F, 100 B",
		},
		"proven, and a failed expire": {
			makeWorkflow(succeeded, precheck, backup, task("expire", says(bad, 70, unknown("expire"))),
				task("verify", says(good, 80, proven(func(r *report.Report) {
					r.Retention = &report.Retention{Failed: true, Code: 82, Message: "[082] the repo is read-only"}
				})))),
			stanzaflowv1alpha1.RunSucceeded, vocab.ShownProven, "20261122-023010F, 100 B, RetentionFailed: [082] the repo is read-only",
		},
		"the backup failed, the newest attempt counts": {
			makeWorkflow(failing, precheck, task("backup", says(bad, 60, failure("backup", "[082] first")), says(bad, 90, failure("backup", "[082] second")))),
			stanzaflowv1alpha1.RunFailed, vocab.ShownFailed, "[082] second",
		},
		"held": {
			makeWorkflow(failing, task("precheck", says(bad, 5, failed(stanzaflowv1alpha1.RunHeld, "the gate is false")))),
			stanzaflowv1alpha1.RunHeld, vocab.ShownHeld, "the gate is false",
		},
		"every pod of backup was lost": {
			makeWorkflow(failing, precheck, task("backup", try{phase: wfv1.NodeError, end: 60, message: "pod deleted"}, try{phase: wfv1.NodeError, end: 90, message: "Pod was evicted"})),
			stanzaflowv1alpha1.RunFailed, vocab.ShownFailed, "backup: Pod was evicted",
		},
		"no task has said that it is proven": {
			makeWorkflow(succeeded, precheck, backup), stanzaflowv1alpha1.RunUnknown, vocab.ShownUnknown,
			"The Workflow succeeded, but its report says Unknown in step backup, so no backup is proven:",
		},
		"stopped after its backup": {
			makeWorkflow(failing, precheck, backup, message("Stopped with strategy 'Stop'")), stanzaflowv1alpha1.RunFailed, vocab.ShownEnded,
			"the run was stopped (argo stop) when its step backup had succeeded, before the backup was proven; pgbackrest info lists it",
		},
		"stopped in its backup": {
			makeWorkflow(failing, precheck, task("backup", try{phase: bad, end: -1, message: "workflow shutdown with strategy:  Stop"}), message("Stopped with strategy 'Stop'")),
			stanzaflowv1alpha1.RunFailed, vocab.ShownEnded,
			"the run was stopped (argo stop); if it had begun a backup, kubectl describe of the Workflow or pgbackrest info says what became of it",
		},
		"out of Argo's time, in a pod": {
			makeWorkflow(failing, precheck, task("backup", says(bad, 60, failure("backup", "[082] first")), try{phase: bad, end: -1, message: argoDeadline})),
			stanzaflowv1alpha1.RunFailed, vocab.ShownEnded,
			"the run exceeded activeDeadlineSeconds, so Argo ended it; kubectl describe of the Workflow may say more; its last report: [082] first",
		},
		"out of Argo's time, between two attempts": {
			makeWorkflow(failing, precheck, task("backup", says(bad, 60, failure("backup", "[082] first"))), func(w *wfv1.Workflow) {
				retry := w.Status.Nodes["backup"]
				retry.Message = argoRetryDeadline + " 2026-11-22 10:30:04 +0000 UTC"
				w.Status.Nodes["backup"] = retry
			}),
			stanzaflowv1alpha1.RunFailed, vocab.ShownEnded,
			"the run exceeded activeDeadlineSeconds, so Argo ended it; kubectl describe of the Workflow may say more; its last report: [082] first",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Read(tc.workflow, start.Add(time.Hour)).Status; got.Result != tc.want {
				t.Errorf("it is %s (%s), want %s", got.Result, got.Message, tc.want)
			}
			if got := Show(tc.workflow); got.Result != tc.shown || got.Description != tc.says {
				t.Errorf("shown as %s: %s\nwant     %s: %s", got.Result, got.Description, tc.shown, tc.says)
			}
		})
	}
}
