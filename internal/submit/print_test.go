// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"errors"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
)

// TestPrint: the logs of a run and nothing else, of one that is over, of one that is
// running, and until one is over.
func TestPrint(t *testing.T) {
	t.Parallel()
	begun := state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Running"))
	over := state(wfv1.WorkflowFailed, thePod(wfv1.NodeFailed, "1-begin:Succeeded 2-precheck:Failed"))
	const all = "begin | one\nprecheck | two\n"
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		follow   bool
		script   []scene
		second   []stream
		want     string
	}{
		"over":           {over, false, nil, []stream{{text: "2026-03-01T02:00:02Z two\n"}}, all},
		"over, followed": {over, true, nil, []stream{{text: "2026-03-01T02:00:02Z two\n"}}, all},
		"running":        {begun, false, nil, []stream{{text: "2026-03-01T02:00:02Z two\n"}}, all},
		"until the end": {
			begun, true, []scene{{after: time.Second, workflow: begun}, {after: time.Minute, workflow: over}},
			[]stream{{text: "2026-03-01T02:00:02Z two\n"}, {text: "2026-03-01T02:00:02Z two\n2026-03-01T02:00:09Z three\n"}}, all + "precheck | three\n",
		},
		"the pod is gone": {over, false, nil, nil, "begin | one\n[   0s] precheck: the log and those after it are left out: the pod is gone\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, tc.script...)
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
