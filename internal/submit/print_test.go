// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"errors"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
)

// TestPrint: the logs of a run and nothing else, whether it is over or not.
func TestPrint(t *testing.T) {
	t.Parallel()
	begun := state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Running"))
	over := state(wfv1.WorkflowFailed, thePod(wfv1.NodeFailed, "1-begin:Succeeded 2-precheck:Failed"))
	const all = "begin | one\nprecheck | two\n"
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		follow   bool
		second   []stream
		want     string
	}{
		"over":            {over, false, []stream{{text: "2026-03-01T02:00:02Z two\n"}}, all},
		"over, followed":  {over, true, []stream{{text: "2026-03-01T02:00:02Z two\n"}}, all},
		"running":         {begun, false, []stream{{text: "2026-03-01T02:00:02Z two\n"}}, all},
		"the pod is gone": {over, false, nil, "begin | one\n[   0s] precheck: the log and those after it are left out: the pod is gone\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			s, out, _ := f.session()
			workflow := tc.workflow.DeepCopy()
			workflow.UID, workflow.ResourceVersion, workflow.Labels = uid, "1", map[string]string{}
			f.now = workflow.DeepCopy()
			logs := map[string][]stream{"1-begin": {{text: "2026-03-01T02:00:01Z one\n"}}}
			if tc.second != nil {
				logs["2-precheck"] = tc.second
			}
			follower := Follower{Workflows: f, Logs: &fakeLogs{logs: logs}, Clock: f.clock, Out: s.Out, Pause: s.Pause}
			if err := follower.Print(t.Context(), workflow, tc.follow); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPrintOfAWatch: its pod has one container and no nodes of steps.
func TestPrintOfAWatch(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, out, _ := f.session()
	workflow := state(wfv1.WorkflowSucceeded, func(w *wfv1.Workflow) {
		w.Status.Nodes["pod"] = wfv1.NodeStatus{ID: "pod", Name: name + "(0)", DisplayName: name + "(0)", Type: wfv1.NodeTypePod, TemplateName: "watch", Phase: wfv1.NodeSucceeded}
	})
	follower := Follower{Workflows: f, Logs: &fakeLogs{logs: map[string][]stream{"main": {{text: "2026-03-01T02:00:01Z 2 clusters: 2 archive\n"}}}}, Clock: f.clock, Out: s.Out, Pause: s.Pause}
	if err := follower.Print(t.Context(), workflow, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("watch | 2 clusters: 2 archive\n", out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPrintFollows a run until it is over, and prints nothing of its progress.
func TestPrintFollows(t *testing.T) {
	t.Parallel()
	logs := &fakeLogs{first: make(chan struct{}), logs: map[string][]stream{"1-begin": {
		{text: "2026-03-01T02:00:01Z one\n"}, {text: "2026-03-01T02:00:01Z one\n2026-03-01T02:00:02Z two\n"},
	}}}
	begun := state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Running"))
	f := newFake(t, scene{do: func() { <-logs.first }}, scene{workflow: state(wfv1.WorkflowSucceeded, thePod(wfv1.NodeSucceeded, "1-begin:Succeeded"))})
	s, out, _ := f.session()
	begun.UID, begun.ResourceVersion, begun.Labels = uid, "1", map[string]string{}
	f.now = begun.DeepCopy()
	follower := Follower{Workflows: f, Logs: logs, Clock: f.clock, Out: s.Out, Pause: s.Pause}
	if err := follower.Print(t.Context(), begun, true); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("begin | one\nbegin | two\n", out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPrintIsStopped: Ctrl-C ends it, and leaves nothing behind.
func TestPrintIsStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	begun := state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Running"))
	f := newFake(t, scene{do: cancel})
	s, _, _ := f.session()
	begun.UID, begun.ResourceVersion = uid, "1"
	f.now = begun.DeepCopy()
	follower := Follower{Workflows: f, Logs: &fakeLogs{logs: map[string][]stream{"1-begin": {{text: "2026-03-01T02:00:01Z one\n"}}}}, Clock: f.clock, Out: s.Out, Pause: s.Pause}
	if err := follower.Print(ctx, begun, true); !errors.Is(err, ErrStopped) {
		t.Errorf("error %v, want %v", err, ErrStopped)
	}
}
