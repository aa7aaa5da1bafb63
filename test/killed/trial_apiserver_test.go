//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package killed

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// trial is one namespace with one cluster, and an operator that is killed.
type trial struct {
	*testing.T

	server    *server
	operator  *operator
	namespace string
	event     event
	rng       *rand.Rand

	// happened is when the last cause happened.
	happened time.Time

	mu sync.Mutex
	// pending are the causes that were ever in the status, by trigger; guarded by mu.
	pending map[string]map[string]bool
}

// after is longer than a trigger waits before it starts a run: an operator that has
// written nothing for so long has nothing left to do.
const after = 7 * time.Second

// try makes a trial.
func try(t *testing.T, s *server, seed uint64) {
	t.Helper()
	tr := &trial{
		T: t, server: s, event: eventOf(seed), namespace: fmt.Sprintf("trial-%d", seed),
		rng: rand.New(rand.NewPCG(seed, 13)), pending: map[string]map[string]bool{},
	}
	tr.operator = newOperator(t, s, tr.namespace)
	tr.setUp()
	tr.standInForArgo()
	tr.watchPending()
	tr.operator.start()
	if !tr.event.fresh {
		tr.createCluster()
		tr.awaitDone("initial-repo1")
	}

	most := tr.play()
	tr.awaitDone(tr.event.trigger)
	// A process that knows nothing finds nothing more to do.
	tr.operator.kill()
	tr.operator.start()
	tr.await("the last process is quiet", func() error {
		if quiet := tr.operator.quietFor(); quiet < after {
			return fmt.Errorf("it has written %s ago", quiet)
		}
		return nil
	})
	tr.judge(most)
}

// play lets the event happen, and kills the operator once or several times around it. It
// returns how many causes there can be at most.
func (tr *trial) play() (most int) {
	tr.Helper()
	var moments []moment
	for range 1 + tr.rng.IntN(3) {
		moments = append(moments, pickMoment(tr.rng))
	}
	pauses := make([]time.Duration, len(moments))
	for i := range pauses {
		pauses[i] = tr.upTo(2 * time.Second)
	}
	first := moments[0]
	if first.write == nil && first.after < 0 {
		tr.strike(first, -first.after)
		moments, pauses = moments[1:], pauses[1:]
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i, m := range moments {
			tr.strike(m, pauses[i])
		}
	})
	most = tr.event.happen(tr)
	wg.Wait()
	return most
}

// strike kills the operator at a moment, and starts it again after a pause.
func (tr *trial) strike(m moment, before time.Duration) {
	tr.Helper()
	if m.write != nil {
		select {
		case <-tr.operator.killAt(*m.write):
		case <-time.After(after + 2*time.Second):
			tr.operator.disarm()
		}
	} else {
		pause(tr.Context(), m.after)
	}
	tr.Logf("killed %s; started again after %s", m, before.Round(time.Millisecond))
	if m.replica {
		old := tr.operator.takeProcess()
		tr.operator.start()
		pause(tr.Context(), before)
		end(old)
		return
	}
	tr.operator.kill()
	pause(tr.Context(), before)
	tr.operator.start()
}

// awaitDone waits until a trigger has nothing left to do.
func (tr *trial) awaitDone(trigger string) {
	tr.Helper()
	tr.await(trigger+" has nothing left to do", func() error {
		s := tr.trigger(trigger)
		done := s.Pending == nil && s.Workflow != "" && s.Result == stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunSucceeded)
		if !done || s.LastFiredTime.Time.Before(tr.happened.Truncate(time.Second)) {
			return fmt.Errorf("status is %s", reconciletest.JSON(s))
		}
		return nil
	})
}

// trigger returns what the Stanza says of a trigger.
func (tr *trial) trigger(name string) stanzaflowv1alpha1.TriggerStatus {
	tr.Helper()
	for _, s := range tr.stanza().Status.Triggers {
		if s.Name == name {
			return s
		}
	}
	return stanzaflowv1alpha1.TriggerStatus{}
}

func (tr *trial) await(what string, check func() error) {
	tr.Helper()
	if err := apiservertest.Poll(check); err != nil {
		tr.Fatalf("not yet: %s: %v", what, err)
	}
}
