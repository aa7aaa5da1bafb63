// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestMemory: it has the last 24 samples, in their order, and of what the repos list only
// the newest.
func TestMemory(t *testing.T) {
	t.Parallel()
	memory := NewMemory(day)
	const watches = 40
	for _, i := range []int{1, 0} { // The order does not matter.
		memory.Learn(shop.Namespace, []*wfv1.Workflow{watchOf(t, i)})
	}
	for i := 2; i < watches; i++ {
		memory.Learn(shop.Namespace, []*wfv1.Workflow{watchOf(t, i-1), watchOf(t, i)})
	}
	seen := memory.Recall(shop)
	if len(seen.Samples) != keptSamples {
		t.Fatalf("%d samples are remembered, want %d", len(seen.Samples), keptSamples)
	}
	for i, sample := range seen.Samples {
		if want := day.Add(time.Duration(watches-keptSamples+i) * time.Minute); !sample.Time.Equal(want) {
			t.Errorf("sample %d is of %s, want %s", i, sample.Time, want)
		}
		if newest := i == keptSamples-1; (len(sample.Repos["repo1"].Newest) > 0) != newest {
			t.Errorf("sample %d lists %v", i, sample.Repos["repo1"].Newest)
		}
	}
	if !seen.Last.End.Equal(day.Add((watches-1)*time.Minute)) || seen.Last.Failure != "" {
		t.Errorf("the last watch is %+v", seen.Last)
	}
	memory.Forget(shop)
	if len(memory.Recall(shop).Samples) > 0 {
		t.Error("a cluster that is not watched is remembered")
	}
}

func watchOf(t *testing.T, minute int) *wfv1.Workflow {
	t.Helper()
	s := sample("00:00")
	s.Time = day.Add(time.Duration(minute) * time.Minute)
	return watchWorkflow(t, s.Time, map[string]report.Sample{shop.Name: s})
}

// TestClockOfTheWatch: a pod whose clock is fast does not make a cluster look observed in
// the future.
func TestClockOfTheWatch(t *testing.T) {
	t.Parallel()
	memory := NewMemory(day)
	memory.Learn(shop.Namespace, []*wfv1.Workflow{watchWorkflow(t, at("12:00"), map[string]report.Sample{shop.Name: sample("18:00")})})
	if got := memory.Recall(shop).LastTime(); !got.Equal(at("12:00")) {
		t.Errorf("the cluster was observed at %s, want the end of the watch", got)
	}
}

// TestWatchesThatSayNothing: a watch that failed, works or left no report says nothing of
// a cluster, and the newest says why.
func TestWatchesThatSayNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*wfv1.Workflow)
		want   string
	}{
		"it failed": {func(w *wfv1.Workflow) {
			w.Status.Phase, w.Status.Message = wfv1.WorkflowFailed, "the API server does not answer"
		}, "the API server does not answer"},
		"it left no report":  {func(w *wfv1.Workflow) { w.Status.Outputs = nil }, "the watch left no report"},
		"it works":           {func(w *wfv1.Workflow) { w.Status.Phase = wfv1.WorkflowRunning }, ""},
		"it is no watch":     {func(w *wfv1.Workflow) { delete(w.Labels, vocab.LabelKind) }, ""},
		"it is another kind": {func(w *wfv1.Workflow) { w.Labels[vocab.LabelKind] = string(vocab.RunStanza) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory, workflow := NewMemory(day), watchOf(t, 1)
			tc.change(workflow)
			memory.Learn(shop.Namespace, []*wfv1.Workflow{workflow})
			if seen := memory.Recall(shop); len(seen.Samples) > 0 || seen.Problem() != tc.want {
				t.Errorf("it says %q of %d samples, want %q", seen.Problem(), len(seen.Samples), tc.want)
			}
		})
	}
}
