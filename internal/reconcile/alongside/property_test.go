// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alongside_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestOneOwner plays many orders of events: CPO creates and re-creates its CronJobs,
// the user hands the cluster over and back, suspends and resumes CronJobs, the
// template and Argo come and go, and the operator crashes between any two writes. No
// slot may run twice, and none may be missed, except while Argo or the template is
// away, or the user has taken the schedule away from both.
func TestOneOwner(t *testing.T) {
	var ours atomic.Int64
	t.Run("world", func(t *testing.T) {
		for seed := range worlds {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				ours.Add(play(t, seed))
			})
		}
	})
	if ours.Load() < int64(worlds) {
		t.Errorf("Stanzaflow ran %d slots in %d worlds", ours.Load(), worlds)
	}
}

// worlds is how many orders of events are played.
const worlds = uint64(8)

// play plays one order of events, and returns how many slots we ran.
func play(t *testing.T, seed uint64) int64 {
	t.Helper()
	w := newWorld(t, seed)
	for range 3 * 3600 {
		w.event()
		w.kubernetes()
		w.argo()
		if w.rng.IntN(4) == 0 {
			w.operator()
		}
		w.excuse()
		w.now = w.now.Add(time.Second)
	}
	return w.judge()
}

// event lets something happen, once in a few minutes.
func (w *world) event() {
	types := slices.Sorted(maps.Keys(schedules))
	backupType := types[w.rng.IntN(len(types))]
	// So many seconds before a slot, so that the operator would take over right then.
	if ahead := times(schedules[backupType]).Next(w.now).Sub(w.now); ahead > 8*time.Second && ahead < 15*time.Second && w.rng.IntN(60) == 0 {
		w.createCronJob(backupType)
		return
	}
	if w.rng.IntN(100) != 0 {
		return
	}
	switch w.rng.IntN(10) {
	case 9:
		w.kubernetesDown = w.now.Add(time.Duration(10+w.rng.IntN(50)) * time.Second)
		w.note("the controller of Kubernetes is down")
	case 0, 1:
		w.createCronJob(backupType)
	case 2, 3:
		managed := !w.state.Managed()
		w.state.Stanza.Spec.Managed = &managed
		w.note("the Stanza has managed %t", managed)
	case 4, 5:
		w.crash = w.rng.IntN(3)
	case 6:
		w.argoDown = !w.argoDown
		for name := range w.cronWorkflows {
			w.woken[name] = true
		}
		w.note("Argo is down: %t", w.argoDown)
	case 7:
		w.noTemplate = !w.noTemplate
		w.note("the template is away: %t", w.noTemplate)
	case 8:
		c := w.cronJobs[backupType]
		if c.Suspended && c.SuspendManager == vocab.FieldManager || !c.Suspended {
			c.Suspended = !c.Suspended
			c.SuspendManager, c.SuspendTime = user, w.now
			w.note("a user sets suspend %t of CronJob %s", c.Suspended, c.Name)
		} else {
			w.createCronJob(backupType)
		}
	}
}

// excuse notes the slots that may be missed: our CronWorkflow is to run them, and
// Argo or the template is away; or nobody is to.
func (w *world) excuse() {
	for backupType, expression := range schedules {
		s := slot{backupType, w.latest(expression)}
		c := w.cronJobs[backupType]
		byUser := c.Suspended && c.SuspendManager != vocab.FieldManager
		ours := w.cronWorkflows[c.Name]
		if c.Suspended && (w.argoDown || w.noTemplate) || byUser && (ours == nil || object.Suspended(ours)) || !c.Created.Before(s.at) {
			w.excused[s] = true
		}
		// A user's change near a slot is the user's. Kubernetes starts the last slot of
		// a CronJob that a user resumes.
		if c.SuspendManager == user && c.SuspendTime.After(s.at.Add(-time.Minute)) {
			w.excused[s] = true
		}
	}
}

func (w *world) judge() int64 {
	w.t.Helper()
	from, to := w.now.Add(-3*time.Hour+5*time.Minute), w.now.Add(-15*time.Minute)
	wrong, ours := false, int64(0)
	for backupType, expression := range schedules {
		for at := times(expression).Next(from); at.Before(to); at = times(expression).Next(at) {
			s := slot{backupType, at}
			by := w.started[s]
			if slices.Contains(by, "Stanzaflow") {
				ours++
			}
			switch {
			case len(by) > 1 && !w.excused[s]:
				wrong = true
				w.t.Errorf("slot %s of %s ran %d times: %s", at.Format("15:04"), backupType, len(by), by)
			case len(by) == 0 && !w.excused[s]:
				wrong = true
				w.t.Errorf("slot %s of %s was missed", at.Format("15:04"), backupType)
			}
		}
	}
	if wrong {
		w.t.Log(strings.Join(w.log, "\n"))
	}
	return ours
}
