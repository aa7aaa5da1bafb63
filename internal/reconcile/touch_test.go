// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// lost is a running Workflow whose pod has ended without a word. touched is the value
// of its annotation.
func lost(end time.Time, touched string) *wfv1.Workflow {
	workflow := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{Name: "run", Namespace: "db", UID: "uid", ResourceVersion: "7"}}
	if touched != "" {
		workflow.Annotations = map[string]string{vocab.AnnotationTouched: touched}
	}
	workflow.Status = wfv1.WorkflowStatus{Phase: wfv1.WorkflowRunning, Nodes: wfv1.Nodes{
		"pod":    {Name: "run(0)", Type: wfv1.NodeTypePod, Phase: wfv1.NodeError, TaskResultSynced: new(false)},
		"verify": {Name: "run(0).verify", Type: wfv1.NodeTypeContainer, Phase: wfv1.NodeSucceeded, FinishedAt: metav1.NewTime(end)},
	}}
	return workflow
}

// TestDiffRuns says when a run is touched: 20 s after its pod ended, and then every
// 30 s. Times are seconds after the end of the pod.
func TestDiffRuns(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	at := func(second int) time.Time { return end.Add(time.Duration(second) * time.Second) }
	touched := func(second int) string { return at(second).Format(time.RFC3339) }
	healthy := lost(end, "")
	pod := healthy.Status.Nodes["pod"]
	pod.Phase = wfv1.NodeRunning
	healthy.Status.Nodes["pod"] = pod
	busy := lost(end, "")
	busy.Status.Nodes["verify"] = wfv1.NodeStatus{Name: "run(0).verify", Type: wfv1.NodeTypeContainer, Phase: wfv1.NodeRunning}
	busy.Status.Nodes["pod"] = pod
	for name, tc := range map[string]struct {
		workflow *wfv1.Workflow
		now      int
		want     object.Verb
		wantWake int
	}{
		"a healthy run":                           {workflow: busy, now: 3600},
		"its steps have ended":                    {workflow: healthy, now: 30, want: object.Await, wantWake: 120},
		"its steps have ended, and no touch will": {workflow: healthy, now: 600},
		"Argo may still notice":                   {workflow: lost(end, ""), now: 19, want: object.Await, wantWake: 20},
		"Argo has not noticed":                    {workflow: lost(end, ""), now: 20, want: object.Touch, wantWake: 50},
		"just touched":                            {workflow: lost(end, touched(20)), now: 21, want: object.Await, wantWake: 50},
		"touched in vain":                         {workflow: lost(end, touched(20)), now: 50, want: object.Touch, wantWake: 80},
		"touched for the pod before":              {workflow: lost(end, touched(-5)), now: 20, want: object.Await, wantWake: 25},
		"touched tomorrow":                        {workflow: lost(end, touched(86400)), now: 20, want: object.Touch, wantWake: 50},
		"touched by somebody":                     {workflow: lost(end, "yes"), now: 20, want: object.Touch, wantWake: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actions := diffRuns(object.State{Workflows: []*wfv1.Workflow{tc.workflow}}, at(tc.now))
			if tc.want == "" {
				if len(actions) != 0 {
					t.Errorf("got %+v, want nothing", actions)
				}
				return
			}
			if len(actions) != 1 || actions[0].Verb != tc.want || !actions[0].Wake.Equal(at(tc.wantWake)) {
				t.Fatalf("got %+v, want %s and a look after %d s", actions, tc.want, tc.wantWake)
			}
		})
	}
}

// TestPodEndWakesTheStanza checks that the cache keeps what says that a run is over,
// and that only a change of that wakes the Stanza.
func TestPodEndWakesTheStanza(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	cached := func(change func(*wfv1.Workflow)) *unstructured.Unstructured {
		workflow := lost(end, "")
		change(workflow)
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(workflow)
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{Object: fields}
		if _, err := object.TrimWorkflow(o); err != nil {
			t.Fatal(err)
		}
		if want, got := outcome.FindUnnoticed(workflow), outcome.FindUnnoticed(object.DecodeWorkflow(o)); !got.Equal(want) {
			t.Errorf("trimmed: %+v, want %+v", got, want)
		}
		if want, got := outcome.FindPending(workflow), outcome.FindPending(object.DecodeWorkflow(o)); !got.Equal(want) {
			t.Errorf("trimmed: %+v, want %+v", got, want)
		}
		return o
	}
	setPod := func(change func(*wfv1.NodeStatus)) func(*wfv1.Workflow) {
		return func(w *wfv1.Workflow) {
			pod := w.Status.Nodes["pod"]
			change(&pod)
			w.Status.Nodes["pod"] = pod
		}
	}
	running := setPod(func(pod *wfv1.NodeStatus) { pod.Phase = wfv1.NodeRunning })
	noticed := setPod(func(pod *wfv1.NodeStatus) { pod.TaskResultSynced = new(true) })
	nothing := func(*wfv1.Workflow) {}
	labelled := func(key, value string) func(*wfv1.Workflow) {
		return func(w *wfv1.Workflow) { w.Labels = map[string]string{vocab.LabelCluster: "shop", key: value} }
	}
	pending := func(reason, lock string) func(*wfv1.Workflow) {
		return func(w *wfv1.Workflow) {
			w.Labels = map[string]string{vocab.LabelKind: string(vocab.RunDrill)}
			setPod(func(pod *wfv1.NodeStatus) {
				pod.Phase, pod.Message, pod.StartedAt = wfv1.NodePending, reason, metav1.NewTime(end)
				pod.SynchronizationStatus = &wfv1.NodeSynchronizationStatus{Waiting: lock}
			})(w)
		}
	}
	for name, tc := range map[string]struct {
		was, is func(*wfv1.Workflow)
		want    bool
	}{
		"a drill is Pending":    {pending("", "a lock"), pending("", ""), true},
		"for another reason":    {pending("x", ""), pending("Unschedulable", ""), true},
		"for the same reason":   {pending("x", ""), pending("x", ""), false},
		"it is shown":           {labelled(vocab.LabelResult, "Running"), labelled(vocab.LabelResult, "Proven"), false},
		"it is archived":        {labelled(vocab.LabelArchiving, "Pending"), labelled(vocab.LabelArchiving, "Archived"), false},
		"it is of another repo": {labelled(vocab.LabelRepo, "repo1"), labelled(vocab.LabelRepo, "repo2"), true},
		"the pod ends":          {running, nothing, true},
		"Argo notices":          {nothing, noticed, true},
		"nothing":               {nothing, nothing, false},
		"a touch":               {nothing, func(w *wfv1.Workflow) { w.Annotations = map[string]string{vocab.AnnotationTouched: "x"} }, false},
		"a message":             {nothing, setPod(func(pod *wfv1.NodeStatus) { pod.Message = "pod deleted" }), false},
	} {
		if got := object.RunChanged(cached(tc.was), cached(tc.is)); got != tc.want {
			t.Errorf("%s: wakes the Stanza: %t, want %t", name, got, tc.want)
		}
	}
}

// TestTouch holds what a touch sends: the version that was read, and one annotation.
func TestTouch(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 22, 12, 0, 20, 0, time.UTC)
	want := map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"metadata": map[string]any{
			"namespace": "db", "name": "run", "uid": "uid", "resourceVersion": "7",
			"annotations": map[string]any{"stanzaflow.dev/touched": "2026-11-22T12:00:20Z"},
		},
	}
	if diff := cmp.Diff(want, object.TouchOf(lost(now, ""), now).Object); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
