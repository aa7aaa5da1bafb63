// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var start = time.Date(2026, time.November, 22, 2, 30, 4, 0, time.UTC)

// proven is the report of a good run of the Workflow that makeWorkflow makes.
func proven(change ...func(*report.Report)) report.Report {
	r := report.Report{
		Result: stanzaflowv1alpha1.RunSucceeded, Step: "verify",
		Run: "uid-1", Cluster: "shop", Repo: "repo1", Type: "incr", Trigger: vocab.TriggerSchedule,
		Backup: &report.Backup{
			Label: "20261122-023010F", Type: "full", Start: start.Add(6 * time.Second), Stop: start.Add(9 * time.Minute),
			DatabaseBytes: 1000, RepoDeltaBytes: 100, WALStart: "000000010000000000000002", WALStop: "000000010000000000000003",
		},
		Retention: &report.Retention{},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func failed(result stanzaflowv1alpha1.RunResult, message string) report.Report {
	return proven(func(r *report.Report) {
		r.Result, r.Step, r.Message, r.Backup, r.Retention = result, "backup", message, nil, nil
	})
}

func outputs(t *testing.T, r report.Report) *wfv1.Outputs {
	t.Helper()
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return textOutputs(string(data))
}

func textOutputs(text string) *wfv1.Outputs {
	return &wfv1.Outputs{Parameters: []wfv1.Parameter{
		{Name: vocab.OutputLabel, Value: wfv1.AnyStringPtr("20261122-023010F")},
		{Name: vocab.OutputReport, Value: wfv1.AnyStringPtr(text)},
	}}
}

func makeWorkflow(phase wfv1.WorkflowPhase, change ...func(*wfv1.Workflow)) *wfv1.Workflow {
	workflow := &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{
			Name: "run-1", UID: "uid-1", CreationTimestamp: metav1.NewTime(start.Add(-time.Second)),
			Labels: map[string]string{vocab.LabelCluster: "shop", vocab.LabelRepo: "repo1", vocab.LabelType: "incr", vocab.LabelTrigger: vocab.TriggerSchedule},
		},
		Status: wfv1.WorkflowStatus{Phase: phase},
	}
	if phase != "" && phase != wfv1.WorkflowPending {
		workflow.Status.StartedAt = metav1.NewTime(start)
	}
	if phase.Completed() {
		workflow.Status.FinishedAt = metav1.NewTime(start.Add(10 * time.Minute))
	}
	for _, c := range change {
		c(workflow)
	}
	return workflow
}

func node(id string, phase wfv1.NodePhase, after time.Duration, message string, out *wfv1.Outputs) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		if w.Status.Nodes == nil {
			w.Status.Nodes = wfv1.Nodes{}
		}
		w.Status.Nodes[id] = wfv1.NodeStatus{
			ID: id, Name: id, TemplateName: "backup", Type: wfv1.NodeTypePod, Phase: phase, Message: message,
			FinishedAt: metav1.NewTime(start.Add(after)), Outputs: out,
		}
	}
}

var containers = []string{"1-begin", "2-precheck", "3-backup", "4-expire", "main"}

// steps are the containers of a pod, one after the other.
func steps(pod string, phases ...wfv1.NodePhase) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		before := pod
		for i, phase := range phases {
			id := fmt.Sprintf("%s.%d", pod, i)
			parent := w.Status.Nodes[before]
			parent.Children = []string{id}
			w.Status.Nodes[before] = parent
			container := wfv1.NodeStatus{ID: id, Name: id, DisplayName: containers[i], TemplateName: "backup", Type: wfv1.NodeTypeContainer, Phase: phase, BoundaryID: pod}
			if phase != wfv1.NodeSucceeded {
				container.Message = fmt.Sprintf("step %d: Error (exit code 30)", i)
			}
			w.Status.Nodes[id], before = container, id
		}
	}
}

// TestResubmitted: Argo copies the labels of the run that somebody resubmits.
func TestResubmitted(t *testing.T) {
	t.Parallel()
	workflow := makeWorkflow(wfv1.WorkflowRunning)
	if got := Read(workflow, start).Status.Trigger; got != vocab.TriggerSchedule {
		t.Errorf("a scheduled run was started by %s", got)
	}
	workflow.Labels[vocab.LabelResubmitted] = "run-0"
	if got := Read(workflow, start).Status.Trigger; got != vocab.TriggerManual {
		t.Errorf("a resubmitted run was started by %s", got)
	}
}

func TestRead(t *testing.T) {
	global := func(out *wfv1.Outputs) func(*wfv1.Workflow) {
		return func(w *wfv1.Workflow) { w.Status.Outputs = out }
	}
	for name, tc := range map[string]struct {
		workflow    *wfv1.Workflow
		wantResult  stanzaflowv1alpha1.RunResult
		wantMessage string
		// wantBackup: a backup counts as proven.
		wantBackup    bool
		wantRetention string
	}{
		"not seen by argo yet": {workflow: makeWorkflow(""), wantResult: stanzaflowv1alpha1.RunRunning},
		"pending":              {workflow: makeWorkflow(wfv1.WorkflowPending), wantResult: stanzaflowv1alpha1.RunRunning},
		"running with a report that says succeeded": {
			workflow: makeWorkflow(wfv1.WorkflowRunning, global(outputs(t, proven()))), wantResult: stanzaflowv1alpha1.RunRunning,
		},
		"proven": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, global(outputs(t, proven()))),
			wantResult: stanzaflowv1alpha1.RunSucceeded, wantBackup: true, wantRetention: vocab.RetentionSucceeded,
		},
		"proven, report on the pod only": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, node("a", wfv1.NodeSucceeded, time.Minute, "", outputs(t, proven()))),
			wantResult: stanzaflowv1alpha1.RunSucceeded, wantBackup: true, wantRetention: vocab.RetentionSucceeded,
		},
		"proven, expire failed": {
			workflow: makeWorkflow(wfv1.WorkflowSucceeded, global(outputs(t, proven(func(r *report.Report) {
				r.Retention = &report.Retention{Failed: true, Code: 75, Message: "expire: no space"}
			})))),
			wantResult: stanzaflowv1alpha1.RunSucceeded, wantBackup: true, wantRetention: vocab.RetentionFailed,
			wantMessage: "The backup is good, but expire failed: expire: no space",
		},
		"succeeded without a report": {
			workflow: makeWorkflow(wfv1.WorkflowSucceeded), wantResult: stanzaflowv1alpha1.RunUnknown,
			wantMessage: "The Workflow succeeded, but the run left no report, so no backup is proven",
		},
		"succeeded with a report that is no JSON": {
			workflow: makeWorkflow(wfv1.WorkflowSucceeded, global(textOutputs("Succeeded"))), wantResult: stanzaflowv1alpha1.RunUnknown,
			wantMessage: "The Workflow succeeded, but cannot decode report",
		},
		"succeeded with a report of another run": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, global(outputs(t, proven(func(r *report.Report) { r.Run = "uid-2" })))),
			wantResult: stanzaflowv1alpha1.RunUnknown, wantMessage: "The Workflow succeeded, but its report is of another run, so no backup is proven",
		},
		"succeeded with a report of no run": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, global(outputs(t, proven(func(r *report.Report) { r.Run = "" })))),
			wantResult: stanzaflowv1alpha1.RunUnknown, wantMessage: "The Workflow succeeded, but its report is of another run",
		},
		"succeeded with a report of another cluster": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, global(outputs(t, proven(func(r *report.Report) { r.Cluster = "web" })))),
			wantResult: stanzaflowv1alpha1.RunUnknown, wantMessage: "The Workflow succeeded, but its report is of incr of repo1 of cluster web",
		},
		"succeeded with a report of another repo": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, global(outputs(t, proven(func(r *report.Report) { r.Repo = "repo2" })))),
			wantResult: stanzaflowv1alpha1.RunUnknown, wantMessage: "The Workflow succeeded, but its report is of incr of repo2",
		},
		"succeeded with a backup without a time": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, global(outputs(t, proven(func(r *report.Report) { r.Backup.Stop = time.Time{} })))),
			wantResult: stanzaflowv1alpha1.RunUnknown, wantMessage: "The Workflow succeeded, but its report does not say when",
		},
		"succeeded with a report that says succeeded and names no backup": {
			workflow: makeWorkflow(wfv1.WorkflowSucceeded, global(textOutputs(
				`{"result":"Succeeded","step":"verify","run":"uid-1","cluster":"shop","repo":"repo1","type":"incr"}`))),
			wantResult: stanzaflowv1alpha1.RunUnknown, wantMessage: "The Workflow succeeded, but report says Succeeded without a backup",
		},
		"succeeded with a report that says unknown": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, global(outputs(t, failed(stanzaflowv1alpha1.RunUnknown, "")))),
			wantResult: stanzaflowv1alpha1.RunUnknown, wantMessage: "The Workflow succeeded, but its report says Unknown in step backup",
		},
		"failed, report says why": {
			workflow:   makeWorkflow(wfv1.WorkflowFailed, global(outputs(t, failed(stanzaflowv1alpha1.RunFailed, "disk full;\nfree some space")))),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "disk full; free some space",
		},
		"failed, held by the gate": {
			workflow:   makeWorkflow(wfv1.WorkflowFailed, global(outputs(t, failed(stanzaflowv1alpha1.RunHeld, "The gate is false")))),
			wantResult: stanzaflowv1alpha1.RunHeld, wantMessage: "The gate is false",
		},
		"failed, held says a report of another run": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, global(outputs(t, failed(stanzaflowv1alpha1.RunHeld, "no"))),
				func(w *wfv1.Workflow) { w.UID, w.Status.Message = "uid-9", "child failed" }),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "child failed",
		},
		"failed after the proof": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, global(outputs(t, proven())),
				func(w *wfv1.Workflow) { w.Status.Message = "exit handler failed" }),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "exit handler failed", wantRetention: vocab.RetentionSucceeded,
		},
		"failed, the pod knows more than the global report": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, global(outputs(t, failed(stanzaflowv1alpha1.RunUnknown, ""))),
				node("a", wfv1.NodeFailed, time.Minute, "", outputs(t, failed(stanzaflowv1alpha1.RunFailed, "old")))),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "old",
		},
		"failed, the newest pod counts": {
			workflow: makeWorkflow(wfv1.WorkflowFailed,
				node("a", wfv1.NodeFailed, 2*time.Minute, "", outputs(t, failed(stanzaflowv1alpha1.RunHeld, "new"))),
				node("b", wfv1.NodeFailed, time.Minute, "", outputs(t, failed(stanzaflowv1alpha1.RunFailed, "old")))),
			wantResult: stanzaflowv1alpha1.RunHeld, wantMessage: "new",
		},
		"failed without a report, the first step that failed counts": {
			workflow: makeWorkflow(wfv1.WorkflowFailed,
				node("a", wfv1.NodeFailed, time.Minute, "step 2: Error (exit code 30)", nil),
				steps("a", wfv1.NodeSucceeded, wfv1.NodeFailed, wfv1.NodeError)),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "step 1: Error (exit code 30)",
		},
		"failed without a report, as the pod was lost": {
			workflow:   makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, time.Minute, "pod deleted", nil), steps("a", wfv1.NodeSucceeded, wfv1.NodeError, wfv1.NodeError)),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "backup: pod deleted",
		},
		"failed without a report": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, "OOMKilled (exit code 137)", nil),
				func(w *wfv1.Workflow) { w.Status.Message = "child failed" }),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "backup: OOMKilled (exit code 137)",
		},
		"error": {
			workflow:   makeWorkflow(wfv1.WorkflowError, func(w *wfv1.Workflow) { w.Status.Message = "template not found" }),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "template not found",
		},
		"stopped": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, "workflow shutdown with strategy:  Stop", nil),
				func(w *wfv1.Workflow) { w.Status.Message = "Stopped with strategy 'Stop'" }),
			wantResult:  stanzaflowv1alpha1.RunFailed,
			wantMessage: "the run was stopped (argo stop); if it had begun a backup, kubectl describe of the Workflow or pgbackrest info says what became of it",
		},
		"stopped when the backup was made and not proven": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, "workflow shutdown with strategy:  Stop", nil),
				steps("a", wfv1.NodeSucceeded, wfv1.NodeSucceeded, wfv1.NodeSucceeded, wfv1.NodeFailed, wfv1.NodeFailed),
				func(w *wfv1.Workflow) { w.Status.Message = "Stopped with strategy 'Stop'" }),
			wantResult:  stanzaflowv1alpha1.RunFailed,
			wantMessage: "the run was stopped (argo stop) when its step backup had succeeded, before the backup was proven; pgbackrest info lists it",
		},
		"stopped when the backup was proven": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, "workflow shutdown with strategy:  Stop", nil),
				steps("a", wfv1.NodeSucceeded, wfv1.NodeSucceeded, wfv1.NodeSucceeded, wfv1.NodeSucceeded, wfv1.NodeSucceeded),
				func(w *wfv1.Workflow) { w.Status.Message = "Stopped with strategy 'Stop'" }),
			wantResult:  stanzaflowv1alpha1.RunFailed,
			wantMessage: "the run was stopped (argo stop) when its step verify had succeeded: its backup is proven, but Argo has published no report of it; pgbackrest info lists it",
		},
		"stopped in the backup": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, "workflow shutdown with strategy:  Stop", nil),
				steps("a", wfv1.NodeSucceeded, wfv1.NodeSucceeded, wfv1.NodeFailed),
				func(w *wfv1.Workflow) { w.Status.Message = "Stopped with strategy 'Stop'" }),
			wantResult:  stanzaflowv1alpha1.RunFailed,
			wantMessage: "the run was stopped (argo stop); if it had begun a backup, kubectl describe of the Workflow or pgbackrest info says what became of it",
		},
		"terminated": {
			workflow:   makeWorkflow(wfv1.WorkflowFailed, func(w *wfv1.Workflow) { w.Status.Message = "Stopped with strategy 'Terminate'" }),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "the run was stopped (argo terminate); if it had begun",
		},
		"terminated, of which argo makes a success": {
			workflow:   makeWorkflow(wfv1.WorkflowSucceeded, func(w *wfv1.Workflow) { w.Status.Message = "Stopped with strategy 'Terminate'" }),
			wantResult: stanzaflowv1alpha1.RunUnknown, wantMessage: "The Workflow succeeded, but the run left no report, so no backup is proven",
		},
		"stopped between two attempts": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, "exit code 1", outputs(t, failed(stanzaflowv1alpha1.RunFailed, "no primary"))),
				func(w *wfv1.Workflow) { w.Status.Message = "Stopped with strategy 'Stop'" }),
			wantResult:  stanzaflowv1alpha1.RunFailed,
			wantMessage: "the run was stopped (argo stop); if it had begun a backup, kubectl describe of the Workflow or pgbackrest info says what became of it; its last report: no primary",
		},
		"stopped after the gate had held it": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, "exit code 20", outputs(t, failed(stanzaflowv1alpha1.RunHeld, "The gate is false"))),
				func(w *wfv1.Workflow) { w.Status.Message = "Stopped with strategy 'Stop'" }),
			wantResult: stanzaflowv1alpha1.RunHeld, wantMessage: "The gate is false",
		},
		"stopped, says a step that failed by itself": {
			workflow:   makeWorkflow(wfv1.WorkflowFailed, global(outputs(t, failed(stanzaflowv1alpha1.RunFailed, "Stopped with strategy 'Stop'")))),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "Stopped with strategy 'Stop'",
		},
		"ended by activeDeadlineSeconds": {
			workflow: makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, "Step exceeded its deadline", nil),
				func(w *wfv1.Workflow) {
					w.Status.Message = "retry exceeded workflow deadline 2026-11-22 10:30:04 +0000 UTC"
				}),
			wantResult:  stanzaflowv1alpha1.RunFailed,
			wantMessage: "the run exceeded activeDeadlineSeconds, so Argo ended it; kubectl describe of the Workflow may say more",
		},
		"ended by activeDeadlineSeconds while it waited for its turn": {
			workflow:   makeWorkflow(wfv1.WorkflowFailed, func(w *wfv1.Workflow) { w.Status.Message = "Step exceeded its deadline" }),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "the run exceeded activeDeadlineSeconds",
		},
		"ended by activeDeadlineSeconds after the proof": {
			workflow:   makeWorkflow(wfv1.WorkflowFailed, global(outputs(t, proven())), node("a", wfv1.NodeFailed, 0, "Step exceeded its deadline", nil)),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "the run exceeded activeDeadlineSeconds", wantRetention: vocab.RetentionSucceeded,
		},
		"error before any pod": {
			workflow: makeWorkflow(wfv1.WorkflowError), wantResult: stanzaflowv1alpha1.RunFailed,
			wantMessage: "The Workflow ended as Error without a message",
		},
		"error, and a report that says succeeded": {
			workflow:   makeWorkflow(wfv1.WorkflowError, global(outputs(t, proven())), func(w *wfv1.Workflow) { w.Status.Message = "pod deleted" }),
			wantResult: stanzaflowv1alpha1.RunFailed, wantMessage: "pod deleted", wantRetention: vocab.RetentionSucceeded,
		},
		"failed without a word": {
			workflow: makeWorkflow(wfv1.WorkflowFailed), wantResult: stanzaflowv1alpha1.RunFailed,
			wantMessage: "The Workflow ended as Failed without a message",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := Read(tc.workflow, start)
			if run.Status.Result != tc.wantResult || (run.Backup != nil) != tc.wantBackup || run.Status.Retention != tc.wantRetention {
				t.Errorf("got %s, backup %v, retention %q (%s)", run.Status.Result, run.Backup, run.Status.Retention, run.Status.Message)
			}
			if !strings.HasPrefix(run.Status.Message, tc.wantMessage) || tc.wantMessage == "" && run.Status.Message != "" {
				t.Errorf("message is %q, want %q", run.Status.Message, tc.wantMessage)
			}
			if Finished(&run.Status) != (run.Status.FinishTime != nil) {
				t.Errorf("finish time is %v of a run that is %s", run.Status.FinishTime, run.Status.Result)
			}
		})
	}
}

func TestReadProven(t *testing.T) {
	workflow := makeWorkflow(wfv1.WorkflowSucceeded)
	workflow.Status.Outputs = outputs(t, proven())
	want := Run{
		Kind: vocab.RunBackup,
		Status: stanzaflowv1alpha1.RunStatus{
			Workflow: "run-1", Repo: "repo1", Type: "incr", Trigger: vocab.TriggerSchedule, Result: stanzaflowv1alpha1.RunSucceeded,
			StartTime: new(metav1.NewTime(start)), FinishTime: new(metav1.NewTime(start.Add(10 * time.Minute))), Retention: vocab.RetentionSucceeded,
		},
		Backup: &stanzaflowv1alpha1.BackupStatus{
			Label: "20261122-023010F", Repo: "repo1", Type: "full", Workflow: "run-1",
			StartTime: metav1.NewTime(start.Add(6 * time.Second)), StopTime: metav1.NewTime(start.Add(9 * time.Minute)),
			DatabaseBytes: 1000, RepoBytes: 100, WALStart: "000000010000000000000002", WALStop: "000000010000000000000003",
		},
	}
	if diff := cmp.Diff(want, Read(workflow, start)); diff != "" {
		t.Error(diff)
	}
}

// A message is whatever a failed pod printed.
func TestReadMessageIsOneShortLine(t *testing.T) {
	workflow := makeWorkflow(wfv1.WorkflowFailed, node("a", wfv1.NodeFailed, 0, strings.Repeat("tëxt\n\x00\xff ", 500), nil))
	if m := Read(workflow, start).Status.Message; len(m) > report.MaxMessage || strings.ContainsAny(m, "\n\r") {
		t.Errorf("message has %d bytes: %q", len(m), m)
	}
}

// The status shows what the run said about its proof, if it knows the word.
func TestReadVerified(t *testing.T) {
	for said, want := range map[stanzaflowv1alpha1.BackupVerification]stanzaflowv1alpha1.BackupVerification{
		stanzaflowv1alpha1.VerifiedContents: stanzaflowv1alpha1.VerifiedContents,
		stanzaflowv1alpha1.VerifiedFiles:    stanzaflowv1alpha1.VerifiedFiles,
		"":                                  "", // a run of an older release
		"Perhaps":                           "",
	} {
		workflow := makeWorkflow(wfv1.WorkflowSucceeded)
		workflow.Status.Outputs = outputs(t, proven(func(r *report.Report) { r.Backup.Verified = said }))
		if run := Read(workflow, start); run.Backup == nil || run.Backup.Verified != want || run.Status.Result != stanzaflowv1alpha1.RunSucceeded {
			t.Errorf("the run said %q: result %s, backup %+v", said, run.Status.Result, run.Backup)
		}
	}
}

// TestReadOfAnotherKind: what another kind of run says of a backup is no backup.
func TestReadOfAnotherKind(t *testing.T) {
	for name, tc := range map[string]struct {
		label      string
		report     vocab.RunKind
		wantKind   vocab.RunKind
		wantBackup bool
	}{
		"no label":                         {"", vocab.RunBackup, vocab.RunBackup, true},
		"no label, a report of older days": {"", "", vocab.RunBackup, true},
		"a backup":                         {"backup", vocab.RunBackup, vocab.RunBackup, true},
		"another kind":                     {"drill", "drill", "drill", false},
		"another kind, report of a backup": {"drill", vocab.RunBackup, "drill", false},
		"a backup, report of another kind": {"backup", "drill", vocab.RunBackup, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			workflow := makeWorkflow(wfv1.WorkflowSucceeded)
			workflow.Status.Outputs = outputs(t, proven(func(r *report.Report) {
				r.Kind, r.Backup.Location = tc.report, "s3://backups/shop"
			}))
			if tc.label != "" {
				workflow.Labels[vocab.LabelKind] = tc.label
			}
			run := Read(workflow, start)
			if run.Kind != tc.wantKind || (run.Backup != nil) != tc.wantBackup || (run.Repo != nil) != tc.wantBackup {
				t.Errorf("kind %q, backup %v, repo %v; want kind %q and a backup: %v", run.Kind, run.Backup, run.Repo, tc.wantKind, tc.wantBackup)
			}
			if succeeded := run.Status.Result == stanzaflowv1alpha1.RunSucceeded; succeeded != tc.wantBackup {
				t.Errorf("result %s (%s)", run.Status.Result, run.Status.Message)
			}
			if last := (History{}).Fold([]Run{run}).LastRun; (last != nil) != (tc.wantKind == vocab.RunBackup) {
				t.Errorf("the last run is %v", last)
			}
		})
	}
}

// TestCertificateEnd: a run says when the certificate expires, however it ends.
func TestCertificateEnd(t *testing.T) {
	t.Parallel()
	end := start.AddDate(1, 0, 0)
	with := func(r *report.Report) { r.CertificateEnd = &end }
	for name, tc := range map[string]struct {
		phase wfv1.WorkflowPhase
		r     report.Report
		want  bool
	}{
		"succeeded":      {wfv1.WorkflowSucceeded, proven(with), true},
		"failed":         {wfv1.WorkflowFailed, proven(with, func(r *report.Report) { r.Result, r.Backup = stanzaflowv1alpha1.RunFailed, nil }), true},
		"does not know":  {wfv1.WorkflowSucceeded, proven(), false},
		"of another run": {wfv1.WorkflowSucceeded, proven(with, func(r *report.Report) { r.Run = "uid-2" }), false},
	} {
		run := Read(makeWorkflow(tc.phase, func(w *wfv1.Workflow) { w.Status.Outputs = outputs(t, tc.r) }), start)
		if got := run.CertificateEnd; (got != nil) != tc.want || got != nil && !got.Time.Equal(end) {
			t.Errorf("%s: got %v, want it: %t", name, got, tc.want)
		}
	}
}
