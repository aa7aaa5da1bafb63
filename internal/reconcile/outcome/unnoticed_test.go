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
)

// pod adds a pod node as Argo writes it: without a finish time while its result is
// not in, and with the containers that have finished at these seconds, -1 for not.
func pod(name string, phase wfv1.NodePhase, synced *bool, finished ...int) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		if w.Status.Nodes == nil {
			w.Status.Nodes = wfv1.Nodes{}
		}
		w.Status.Nodes[name] = wfv1.NodeStatus{ID: name, Name: name, Type: wfv1.NodeTypePod, Phase: phase, TaskResultSynced: synced, StartedAt: metav1.NewTime(start)}
		for i, second := range finished {
			node := wfv1.NodeStatus{Name: name + "." + containers[i], Type: wfv1.NodeTypeContainer, Phase: wfv1.NodeRunning}
			if second >= 0 {
				node.Phase, node.FinishedAt = wfv1.NodeSucceeded, metav1.NewTime(start.Add(time.Duration(second)*time.Second))
			}
			w.Status.Nodes[node.Name] = node
		}
	}
}

// hasExited has the only container of a pod end, which has no node, when Argo writes that down.
func hasExited(name string, second int) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		node := w.Status.Nodes[name]
		node.Outputs = &wfv1.Outputs{ExitCode: new("0")}
		w.Status.Nodes[name] = node
		at := metav1.NewTime(start.Add(time.Duration(second) * time.Second))
		w.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "workflow-controller", Time: &at}}
	}
}

// plain is a finding as a text: Equal, which cmp would use, leaves two fields out.
func plain(u *Unnoticed) string {
	if u == nil {
		return "nothing"
	}
	return fmt.Sprintf("ended %s, from %s, touch %t: %s", u.PodEnd.UTC(), u.From.UTC(), u.Touch, u.Message)
}

func TestFindUnnoticed(t *testing.T) {
	t.Parallel()
	const (
		noticed  = ""
		podEnded = "A pod of the run has ended, and Argo has not noticed; the operator touches the Workflow so that Argo looks again"
		unsynced = "Every step of the run has ended, and Argo waits for the WorkflowTaskResult of its pod; see docs/runbook.md#still-running"
	)
	synced, not := new(true), new(false)
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		want     string
		// wantEnd and wantFrom are seconds after the start.
		wantEnd, wantFrom int
		wantTouch         bool
	}{
		"no pod yet":            {workflow: makeWorkflow(wfv1.WorkflowRunning)},
		"waits for its lock":    {workflow: makeWorkflow(wfv1.WorkflowPending, pod("run(0)", wfv1.NodePending, synced))},
		"the pod works":         {workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeRunning, not, 3, 5, -1))},
		"the result is in":      {workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeRunning, synced, 3, 5, 60, 62, 63))},
		"waits for its backoff": {workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeError, synced, 3, 5, 60, 62, 63))},
		"the second pod works": {
			workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeError, synced, 3), pod("run(1)", wfv1.NodeRunning, not, 70, -1)),
		},
		"an Argo before 3.6": {workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeError, nil, 3, 5, 60, 62, 63))},
		"the run is over":    {workflow: makeWorkflow(wfv1.WorkflowFailed, pod("run(0)", wfv1.NodeError, not, 3, 5, 60, 62, 63))},
		"wait was killed, every step succeeded": {
			workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeError, not, 3, 5, 60, 62, 63)),
			want:     podEnded, wantEnd: 63, wantFrom: 83, wantTouch: true,
		},
		"the second pod was lost": {
			workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeError, synced, 3), pod("run(1)", wfv1.NodeError, not, 70, 75)),
			want:     podEnded, wantEnd: 75, wantFrom: 95, wantTouch: true,
		},
		"the pod was lost before any step ended": {
			workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeError, not)),
			want:     podEnded, wantTouch: true,
		},
		"no result, or a refused one": {
			workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeRunning, not, 3, 5, 60, 62, 63)),
			want:     unsynced, wantEnd: 63, wantFrom: 183,
		},
		"a pod of one container works": {workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeRunning, not))},
		"no result of a pod of one container": {
			workflow: makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeRunning, not), hasExited("run(0)", 63)),
			want:     unsynced, wantFrom: 183,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := FindUnnoticed(tc.workflow)
			if tc.want == noticed {
				if got != nil {
					t.Errorf("got %+v, want nothing", got)
				}
				return
			}
			want := &Unnoticed{Message: tc.want, Touch: tc.wantTouch}
			if tc.wantEnd > 0 {
				want.PodEnd = start.Add(time.Duration(tc.wantEnd) * time.Second)
			}
			if tc.wantFrom > 0 {
				want.From = start.Add(time.Duration(tc.wantFrom) * time.Second)
			}
			if diff := cmp.Diff(plain(want), plain(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadUnnoticed checks that a run is shown as unnoticed only when that is no
// longer normal, and stays Running.
func TestReadUnnoticed(t *testing.T) {
	t.Parallel()
	workflow := makeWorkflow(wfv1.WorkflowRunning, pod("run(0)", wfv1.NodeError, new(false), 3, 5, 60, 62, 63))
	end := start.Add(63 * time.Second)
	for _, tc := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {podPatience - time.Second, false}, {podPatience, true}, {time.Hour, true}} {
		run := Read(workflow, end.Add(tc.after)).Status
		if Finished(&run) {
			t.Errorf("%s after the end of the pod it is over: %+v", tc.after, run)
		}
		if got := run.Message != "" && run.PodEndTime != nil && run.PodEndTime.Time.Equal(end); got != tc.want {
			t.Errorf("%s after the end of the pod it is shown: %t, want %t: %+v", tc.after, got, tc.want, run)
		}
	}
}
