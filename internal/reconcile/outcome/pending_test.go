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

func ofDrill(w *wfv1.Workflow) { w.Labels[vocab.LabelKind] = string(vocab.RunDrill) }

// says gives a node a message.
func says(name, message string) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		node := w.Status.Nodes[name]
		node.Message = message
		w.Status.Nodes[name] = node
	}
}

func waitsForLock(w *wfv1.Workflow) {
	node := w.Status.Nodes["restore"]
	node.SynchronizationStatus = &wfv1.NodeSynchronizationStatus{Waiting: "cpo/Mutex/x"}
	w.Status.Nodes["restore"] = node
}

// TestFindPending: only the pod of a drill that has not started is one.
func TestFindPending(t *testing.T) {
	t.Parallel()
	const advice = ": quota, StorageClass or node; its events say more"
	pending := pod("restore", wfv1.NodePending, nil)
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		want     string
	}{
		"no node":          {makeWorkflow(wfv1.WorkflowRunning, ofDrill, pending, says("restore", "Unschedulable: 0/3 nodes are available: 3 Insufficient memory.")), neverStarted + ": Unschedulable: 0/3 nodes are available: 3 Insufficient memory" + advice},
		"a quota":          {makeWorkflow(wfv1.WorkflowRunning, ofDrill, pending, says("restore", "pods \"x\" is forbidden:\n exceeded quota")), neverStarted + ": pods \"x\" is forbidden: exceeded quota" + advice},
		"no reason":        {makeWorkflow(wfv1.WorkflowRunning, ofDrill, pending), neverStarted + advice},
		"the second one":   {makeWorkflow(wfv1.WorkflowRunning, ofDrill, pod("plan", wfv1.NodeSucceeded, new(true)), pending), neverStarted + advice},
		"it works":         {makeWorkflow(wfv1.WorkflowRunning, ofDrill, pod("restore", wfv1.NodeRunning, nil)), ""},
		"waits for a lock": {makeWorkflow(wfv1.WorkflowRunning, ofDrill, pending, waitsForLock), ""},
		"it is over":       {makeWorkflow(wfv1.WorkflowFailed, ofDrill, pending), ""},
		"a backup":         {makeWorkflow(wfv1.WorkflowRunning, pending), ""},
	} {
		got := ""
		if p := FindPending(tc.workflow); p != nil {
			got = p.Message
			if !p.From.Equal(start.Add(15 * time.Minute)) {
				t.Errorf("%s: from %s", name, p.From)
			}
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	long := pendingText(strings.Repeat("ä", 600))
	if len(long) > report.MaxMessage || !strings.HasSuffix(long, "…"+advice) || report.OneLine(long) != long {
		t.Errorf("a long reason: %d bytes, %q", len(long), long)
	}
}

// TestReadPending: a drill is shown as Pending only after its time, stays Running, and the
// operator looks again exactly then. Nothing changes while nothing changes.
func TestReadPending(t *testing.T) {
	t.Parallel()
	workflow := makeWorkflow(wfv1.WorkflowRunning, ofDrill, pod("restore", wfv1.NodePending, nil), says("restore", "Unschedulable"))
	from, first := start.Add(startPatience), ""
	for _, tc := range []struct {
		now  time.Time
		said bool
	}{{start, false}, {from.Add(-time.Second), false}, {from, true}, {from.Add(time.Hour), true}} {
		run := Read(workflow, tc.now)
		last := stanzaflowv1alpha1.DrillRun{Result: run.Status.Result, Message: run.Status.Message}
		if Finished(&run.Status) || NeverStarted(&last) != tc.said || run.Wake.IsZero() != tc.said || !tc.said && !run.Wake.Equal(from) {
			t.Errorf("%s: %+v, wake %s", tc.now, run.Status, run.Wake)
		}
		if tc.said && first != "" && first != run.Status.Message {
			t.Errorf("the message changes by itself: %q, %q", first, run.Status.Message)
		}
		first = run.Status.Message
	}
	started := makeWorkflow(wfv1.WorkflowRunning, ofDrill, pod("restore", wfv1.NodeRunning, nil))
	if run := Read(started, from.Add(time.Hour)); run.Status.Message != "" || !run.Wake.IsZero() {
		t.Errorf("it has started: %+v", run)
	}
	if FindPending(workflow).Equal(FindPending(started)) || !FindPending(workflow).Equal(FindPending(workflow.DeepCopy())) {
		t.Error("a pod that starts is no change, or the same one is")
	}
}
