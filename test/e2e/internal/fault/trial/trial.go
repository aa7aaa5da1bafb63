// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"cmp"
	"math/rand/v2"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

// Trial is one fault in one World.
type Trial struct {
	World *World
	// RNG gives the same numbers for the same fault and seed.
	RNG *rand.Rand
	// Form of the run that the fault meets, and of the next one.
	Form vocab.RunForm
	// Workflow that the fault meets. Empty before the run.
	Workflow string

	// Events are the other Workflows that the fault has started.
	Events []string

	// floor is how many rows of the ledger a restore must have.
	floor int
	// missed is why the fault hit nothing. Empty if it hit.
	missed string
}

// Hit notes whether the fault hit anything: the seed picks a moment, and what the fault
// looks for may not exist just then.
func (tr *Trial) Hit(n int, what string) {
	tr.missed = ""
	if n == 0 {
		tr.missed = "there was " + what
	}
}

// Miss notes why the fault hit nothing.
func (tr *Trial) Miss(why string) { tr.missed = why }

// UntilHit repeats what must hit, while the run is running but not for long.
func (tr *Trial) UntilHit(t *testing.T, what string, do func() int) {
	t.Helper()
	_, _ = wait.Watch(20*time.Second, func() (bool, string) {
		n := do()
		tr.Hit(n, what)
		return n > 0 || tr.runIsOver(t), ""
	})
}

func (tr *Trial) runIsOver(t *testing.T) bool {
	t.Helper()
	if tr.Workflow == "" {
		return false
	}
	workflow, err := tr.World.getRun(t, tr.Workflow)
	return err == nil && workflow.Status.Fulfilled()
}

// AwaitEvent waits until one of the Events is over. It is nil if it never ends.
func (tr *Trial) AwaitEvent(t *testing.T, name string) *wfv1.Workflow {
	t.Helper()
	workflow, _ := tr.World.awaitRun(t, name)
	return workflow
}

// MovePrimary notes that another pod is the primary now.
func (tr *Trial) MovePrimary(t *testing.T, pod string) {
	t.Helper()
	tr.World.Primary = pod
	// What the old primary had not sent is lost with it, as in any failover without
	// synchronous replication. No backup can have it.
	rows, _ := tr.World.readLedger(t, pod)
	if rows < tr.floor {
		t.Logf("the replica was %d rows behind", tr.floor-rows)
		tr.floor = rows
	}
}

// Break tries a fault with a seed on a run of a form: it breaks the World, repairs it, and
// judges the run.
func (w *World) Break(t *testing.T, f Fault, seed uint64, form vocab.RunForm) Result {
	t.Helper()
	started := time.Now()
	rng := ladder.Random(f.Name, seed)
	m := Pick(rng, f.Moments...)
	backupType := f.BackupType
	if backupType == "" {
		backupType = Pick(rng, "full", "incr")
	}
	hold := time.Duration(500+rng.IntN(9500)) * time.Millisecond
	r := Result{Kind: f.Name, Seed: seed, Form: form, Store: w.Storage, Type: backupType, Moment: m.name}
	tr := &Trial{World: w, RNG: rng, Form: form}
	w.sound = false
	tr.floor, _ = w.readLedger(t, w.Primary)
	stopWriter := w.startWriter(t)

	repair := func() {}
	defer func() { repair() }() // whatever happens
	inject := func() {
		if undo := f.Inject(t, tr); undo != nil {
			repair = func() { repair = func() {}; undo() }
		}
	}
	if m.before {
		inject()
	}
	tr.Workflow = w.submit(t, form, backupType, f.attempts())
	if !m.before {
		tr.await(t, m)
		if tr.runIsOver(t) {
			// What breaks now says nothing about a run that has ended.
			stopWriter()
			workflow, _ := w.awaitRun(t, tr.Workflow)
			r.Missed, w.sound = "the run was over", workflow != nil && workflow.Status.Phase == wfv1.WorkflowSucceeded
			return r
		}
		inject()
		if m.holdsWait {
			tr.releaseWait(t)
		}
	}
	if !f.Lasting && !f.Human {
		<-time.After(hold)
		repair()
	}
	workflow, idle := w.awaitRun(t, tr.Workflow)
	tr.judge(t, f, workflow, &r)
	r.judgeIdle(idle)
	if f.Judge != nil {
		r.Wrong = append(r.Wrong, f.Judge(t, tr)...)
	}
	repair()
	if f.After != nil {
		r.Wrong = append(r.Wrong, f.After(t, tr)...)
	}
	r.Missed = cmp.Or(r.Missed, tr.missed)
	stopWriter()

	tr.runNext(t, cmp.Or(f.Again, backupType), &r)
	r.Human = r.Human || f.Human
	r.Wrong = append(r.Wrong, w.findLeftBehind(t)...)
	r.Seconds = time.Since(started).Seconds()
	w.sound = !r.IsBad() && !f.Spoils
	return r
}

// runNext makes the next run, which must work.
func (tr *Trial) runNext(t *testing.T, backupType string, r *Result) {
	t.Helper()
	name, trouble := tr.World.runOnce(t, tr.Form, backupType)
	if trouble != "" {
		r.Human = true
		r.Wrong = append(r.Wrong, "the next run did not work: "+trouble)
		return
	}
	tr.compare(t, name, r)
}
