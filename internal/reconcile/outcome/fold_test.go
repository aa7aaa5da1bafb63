// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// at is a run that started some minutes after start. One that succeeded made a
// backup of its name.
func at(name string, minutes int, result stanzaflowv1alpha1.RunResult) Run {
	run := Run{Kind: vocab.RunBackup, Status: stanzaflowv1alpha1.RunStatus{
		Workflow: name, Result: result, StartTime: new(metav1.NewTime(start.Add(time.Duration(minutes) * time.Minute))),
	}}
	if result == stanzaflowv1alpha1.RunSucceeded {
		run.Backup = &stanzaflowv1alpha1.BackupStatus{Label: name, Workflow: name, StopTime: metav1.NewTime(run.Status.StartTime.Add(time.Minute))}
	}
	return run
}

func TestFold(t *testing.T) {
	const (
		running   = stanzaflowv1alpha1.RunRunning
		succeeded = stanzaflowv1alpha1.RunSucceeded
		failed    = stanzaflowv1alpha1.RunFailed
		unknown   = stanzaflowv1alpha1.RunUnknown
	)
	drill := func(name string, minutes int) Run {
		run := at(name, minutes, running)
		run.Kind = "drill"
		return run
	}
	// Each step is the list of the Workflows that are there then.
	for name, tc := range map[string]struct {
		steps        [][]Run
		wantLast     string
		wantPrevious string
		wantBackup   string
	}{
		"nothing": {steps: [][]Run{{}}},
		"newest run counts": {
			steps:    [][]Run{{at("a", 0, succeeded), at("b", 30, failed)}},
			wantLast: "b Failed", wantBackup: "a",
		},
		"deleted workflows stay known": {
			steps:    [][]Run{{at("a", 0, succeeded), at("b", 30, failed)}, {}, {at("a", 0, succeeded)}, {}},
			wantLast: "b Failed", wantBackup: "a",
		},
		"a run that is running hides nothing": {
			steps:    [][]Run{{at("a", 0, succeeded)}, {at("a", 0, succeeded), at("b", 30, failed)}, {at("b", 30, failed), at("c", 60, running)}, {at("c", 60, running)}},
			wantLast: "c Running", wantPrevious: "b Failed", wantBackup: "a",
		},
		"a run ends": {
			steps:    [][]Run{{at("a", 0, failed)}, {at("b", 30, running)}, {at("b", 30, succeeded)}},
			wantLast: "b Succeeded", wantBackup: "b",
		},
		"a stale read does not take an end back": {
			steps:    [][]Run{{at("a", 0, succeeded)}, {at("a", 0, running)}},
			wantLast: "a Succeeded", wantBackup: "a",
		},
		"an older run does not come back": {
			steps:    [][]Run{{at("b", 30, succeeded)}, {at("a", 0, failed)}},
			wantLast: "b Succeeded", wantBackup: "b",
		},
		"an older backup does not come back": {
			steps:    [][]Run{{at("b", 30, succeeded)}, {at("a", 0, succeeded)}},
			wantLast: "b Succeeded", wantBackup: "b",
		},
		"argo retry is the same workflow with a later start": {
			steps:    [][]Run{{at("a", 0, failed)}, {at("a", 10, running)}},
			wantLast: "a Running", wantPrevious: "a Failed",
		},
		"two run at once and the older one ends": {
			steps:    [][]Run{{at("a", 0, running), at("b", 5, running)}, {at("a", 0, failed), at("b", 5, running)}},
			wantLast: "b Running", wantPrevious: "a Failed",
		},
		"deleted while it ran": {
			steps:    [][]Run{{at("a", 0, succeeded)}, {at("b", 30, running)}, {}},
			wantLast: "b Unknown", wantBackup: "a",
		},
		"deleted while it ran, another is running": {
			steps:    [][]Run{{at("a", 0, running)}, {at("b", 30, running)}},
			wantLast: "b Running", wantPrevious: "a Unknown",
		},
		"a late read does not make a run unknown for ever": {
			steps:    [][]Run{{at("a", 0, running)}, {}, {at("a", 0, running)}, {at("a", 0, succeeded)}},
			wantLast: "a Succeeded", wantBackup: "a",
		},
		"a run of another kind does not count": {
			steps:    [][]Run{{at("a", 0, succeeded), drill("b", 30)}, {drill("b", 30)}, {}},
			wantLast: "a Succeeded", wantBackup: "a",
		},
		"a run of another kind does not stand for one that is deleted": {
			steps:    [][]Run{{at("a", 0, running)}, {drill("a", 0)}},
			wantLast: "a Unknown",
		},
		"unknown is not taken for better": {
			steps:    [][]Run{{at("a", 0, unknown)}},
			wantLast: "a Unknown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var forward, backward History
			for _, runs := range tc.steps {
				forward = forward.Fold(runs)
				reversed := make([]Run, 0, len(runs))
				for i := range runs {
					reversed = append(reversed, runs[len(runs)-1-i])
				}
				backward = backward.Fold(reversed)
				if diff := cmp.Diff(forward, forward.Fold(runs)); diff != "" {
					t.Errorf("folding the same runs again changes: %s", diff)
				}
			}
			if diff := cmp.Diff(forward, backward); diff != "" {
				t.Errorf("the order matters: %s", diff)
			}
			if got := text(forward.LastRun); got != tc.wantLast {
				t.Errorf("last run is %q, want %q", got, tc.wantLast)
			}
			if got := text(forward.PreviousRun); got != tc.wantPrevious {
				t.Errorf("previous run is %q, want %q", got, tc.wantPrevious)
			}
			label := ""
			if forward.LastBackup != nil {
				label = forward.LastBackup.Label
			}
			if label != tc.wantBackup {
				t.Errorf("last backup is %q, want %q", label, tc.wantBackup)
			}
		})
	}
}

func text(run *stanzaflowv1alpha1.RunStatus) string {
	if run == nil {
		return ""
	}
	return run.Workflow + " " + string(run.Result)
}
