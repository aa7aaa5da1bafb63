// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// lines is a list of runs as a person reads it.
func lines(list []stanzaflowv1alpha1.FinishedRun) []string {
	var texts []string
	for _, run := range list {
		texts = append(texts, fmt.Sprintf("%s %s %s %s%s", run.StartTime.UTC().Format("15:04"), run.Workflow, run.Result, run.Label, run.Message))
	}
	return texts
}

// memory folds Workflows as the status of a schedule does, again and again.
type memory struct {
	history History
	list    []stanzaflowv1alpha1.FinishedRun
}

func (m *memory) fold(t *testing.T, runs ...Run) {
	t.Helper()
	m.history = m.history.Fold(runs)
	m.list = FoldFinished(m.list, m.history.LastFinished(), m.history.LastBackup, runs)
	slices.Reverse(runs)
	again := *m
	again.history = again.history.Fold(runs)
	if diff := cmp.Diff(m.list, FoldFinished(again.list, again.history.LastFinished(), again.history.LastBackup, runs)); diff != "" {
		t.Errorf("folded again, in another order (-want +got):\n%s", diff)
	}
}

func (m *memory) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, lines(m.list)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// a is a run that started some minutes after the first one. A good one has a backup with
// the label of its name.
func a(name string, minute int, result stanzaflowv1alpha1.RunResult) Run {
	at := func(minute int) *metav1.Time {
		return new(metav1.NewTime(start.Truncate(time.Hour).Add(time.Duration(minute) * time.Minute)))
	}
	run := Run{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{Workflow: name, Result: result, StartTime: at(minute)}}
	switch result {
	case stanzaflowv1alpha1.RunRunning:
		return run
	case stanzaflowv1alpha1.RunSucceeded:
		run.Backup = &stanzaflowv1alpha1.BackupStatus{Label: "label-of-" + name, Workflow: name, StopTime: *at(minute + 4)}
	case stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld, stanzaflowv1alpha1.RunUnknown:
		run.Status.Message = "why"
	}
	run.Status.FinishTime = at(minute + 5)
	return run
}

func TestFoldFinished(t *testing.T) {
	t.Parallel()
	const running, good, bad = stanzaflowv1alpha1.RunRunning, stanzaflowv1alpha1.RunSucceeded, stanzaflowv1alpha1.RunFailed
	t.Run("the newest first, and they stay when their Workflows are gone", func(t *testing.T) {
		t.Parallel()
		var m memory
		m.fold(t, a("a", 0, good), a("b", 10, bad), a("c", 20, running))
		m.want(t, "02:10 b Failed why", "02:00 a Succeeded label-of-a")
		m.fold(t, a("c", 20, good))
		m.want(t, "02:20 c Succeeded label-of-c", "02:10 b Failed why", "02:00 a Succeeded label-of-a")
		m.fold(t)
		m.want(t, "02:20 c Succeeded label-of-c", "02:10 b Failed why", "02:00 a Succeeded label-of-a")
	})
	t.Run("only ten", func(t *testing.T) {
		t.Parallel()
		var m memory
		var all []Run
		for i := range 14 {
			all = append(all, a(fmt.Sprintf("run-%02d", i), i, good))
			m.fold(t, slices.Clone(all)...)
		}
		if len(m.list) != finishedLimit || m.list[0].Workflow != "run-13" || m.list[9].Workflow != "run-04" {
			t.Errorf("it has %q", lines(m.list))
		}
	})
	t.Run("a retried run leaves until it ends again", func(t *testing.T) {
		t.Parallel()
		var m memory
		m.fold(t, a("a", 0, good), a("b", 10, bad))
		m.fold(t, a("a", 0, good), a("b", 30, running))
		m.want(t, "02:00 a Succeeded label-of-a")
		m.fold(t, a("b", 30, running))
		m.want(t, "02:00 a Succeeded label-of-a")
		m.fold(t, a("b", 30, good))
		m.want(t, "02:30 b Succeeded label-of-b", "02:00 a Succeeded label-of-a")
	})
	t.Run("a late cache does not take an end back", func(t *testing.T) {
		t.Parallel()
		var m memory
		m.fold(t, a("a", 0, good))
		m.fold(t, a("a", 0, running))
		m.want(t, "02:00 a Succeeded label-of-a")
	})
	t.Run("a run that was deleted before it was over", func(t *testing.T) {
		t.Parallel()
		var m memory
		m.fold(t, a("a", 0, running))
		m.want(t)
		m.fold(t)
		m.want(t, "02:00 a Unknown The Workflow was deleted before it was over, so no backup is proven")
		m.fold(t, a("a", 0, running)) // The cache was late.
		m.want(t)
		m.fold(t, a("a", 0, good))
		m.want(t, "02:00 a Succeeded label-of-a")
	})
	t.Run("what an older operator knew is the first", func(t *testing.T) {
		t.Parallel()
		known := a("a", 0, good)
		m := memory{history: History{LastRun: &known.Status, LastBackup: known.Backup}}
		m.fold(t)
		m.want(t, "02:00 a Succeeded label-of-a")
		// A pre-deploy run makes a newer backup of the repo and type.
		deploy := a("deploy", 20, good)
		deploy.Kind = vocab.RunPredeploy
		m.fold(t, deploy)
		m.want(t, "02:00 a Succeeded label-of-a")
	})
	t.Run("two that started in one second", func(t *testing.T) {
		t.Parallel()
		var m memory
		m.fold(t, a("a", 0, good), a("b", 0, bad))
		m.want(t, "02:00 b Failed why", "02:00 a Succeeded label-of-a")
	})
}
