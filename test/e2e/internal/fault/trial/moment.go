// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"slices"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// Moment in the life of a run. A run that is over has passed them all.
type Moment struct {
	name string
	// before the run exists.
	before bool
	// reached says whether the moment has come.
	reached func(*testing.T, *Trial) (bool, string)
	// spread is how much later the seed may let it happen.
	spread time.Duration
	// holdsWait says that Argo's own container stands still until the fault has happened.
	holdsWait bool
}

// The moments at which a fault may happen.
var (
	BeforeRun  = Moment{name: "before the run", before: true}
	AtStart    = Moment{name: "at its begin", spread: 3 * time.Second, reached: isScheduled}
	InPrecheck = Moment{name: "in precheck", spread: 2 * time.Second, reached: func(t *testing.T, tr *Trial) (bool, string) {
		t.Helper()
		// All containers of the form pod run from the begin, and wait.
		if tr.Form == vocab.FormPod {
			return tr.StepEnded(t, "begin")
		}
		return tr.stepBegun(t, "precheck")
	}}
	InBackup = Moment{name: "in backup", spread: 4 * time.Second, reached: func(t *testing.T, tr *Trial) (bool, string) {
		t.Helper()
		return tr.World.Kit.IsBackingUp(t.Context(), tr.World.Primary)
	}}
	AfterBackup = Moment{name: "after backup", spread: 500 * time.Millisecond, reached: func(t *testing.T, tr *Trial) (bool, string) {
		t.Helper()
		return tr.StepEnded(t, "backup")
	}}
	// AfterSteps is when only Argo's own container of the run is left.
	AfterSteps = Moment{name: "after all steps", holdsWait: true, reached: func(t *testing.T, tr *Trial) (bool, string) {
		t.Helper()
		if backedUp, got := tr.StepEnded(t, "backup"); !backedUp {
			return false, got
		}
		if held, got := tr.holdWait(t); !held {
			return false, got
		}
		return tr.StepEnded(t, "verify")
	}}
)

// Anytime is for faults that must not matter whenever they happen.
var Anytime = []Moment{BeforeRun, AtStart, InPrecheck, InBackup, InBackup, AfterBackup}

// DuringRun is for faults that only a run can meet.
var DuringRun = []Moment{AtStart, InPrecheck, InBackup, InBackup, AfterBackup}

// UntilTheEnd is DuringRun and the end itself.
var UntilTheEnd = append(slices.Clone(DuringRun), AfterSteps)

// isScheduled says whether the run has a pod. Argo creates it a moment after the
// Workflow.
func isScheduled(t *testing.T, tr *Trial) (bool, string) {
	t.Helper()
	return len(tr.World.Pods(t, tr.World.Kit.Namespace, kit.PodsOfRun(tr.Workflow))) > 0, ""
}

// await waits for the moment, or until the run is over.
func (tr *Trial) await(t *testing.T, m Moment) {
	t.Helper()
	if m.reached != nil {
		wait.Watch(3*time.Minute, func() (bool, string) {
			if done, got := m.reached(t, tr); done {
				return true, got
			}
			return tr.runIsOver(t), ""
		})
	}
	if m.spread > 0 {
		<-time.After(time.Duration(tr.RNG.Int64N(int64(m.spread))))
	}
}
