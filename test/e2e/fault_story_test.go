// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

// tries is how often a fault that hit nothing is tried with another seed.
const tries = 3

// worlds are where the stories of faults happen, one for each storage. A world is
// made by the first story that needs it.
type worlds struct{ of map[string]*world }

func newWorlds(t *testing.T) *worlds {
	t.Helper()
	w := &worlds{of: map[string]*world{}}
	for _, storage := range []string{cpo.StorageS3, cpo.StoragePVC} {
		w.of[storage] = newWorld(t, storage, 0)
	}
	return w
}

// stories are one for each kind of fault.
func (w *worlds) stories() []story {
	var all []story
	for _, f := range faults() {
		all = append(all, w.story(f, f.storage(*storiesSeed)))
	}
	return all
}

func (w *worlds) story(f fault, storage string) story {
	takes := 70 * time.Second
	if f.slow {
		takes = 5 * time.Minute
	}
	return story{
		Story: ladder.Story{
			Name: "fault/" + f.name, Lane: "fault/" + storage, Alone: f.alone, Takes: takes,
			Touches: []string{"internal/run/step/", "internal/pgbackrest/", "internal/reconcile/outcome/", "workflows/"},
		},
		play: func(t *testing.T) { w.of[storage].hitBy(t, f) },
	}
}

// turn makes n kinds of fault stories of every day, and one that cancels a run.
// Consecutive seeds go through all kinds that are not slow, in one storage and then in the other, so
// that one call seldom needs the worlds of both.
func (w *worlds) turn(all []story, seed uint64, n int) {
	type trial struct {
		fault   fault
		storage string
	}
	var trials []trial
	for _, storage := range []string{cpo.StorageS3, cpo.StoragePVC} {
		kinds := faults()
		ladder.Random("order", 0).Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		for _, f := range kinds {
			if !f.slow && (f.store == "" || f.store == storage) {
				trials = append(trials, trial{f, storage})
			}
		}
	}
	chosen := ladder.Rotate(trials, seed, n)
	cancels := [2]string{"stop-workflow", "terminate-workflow"}[seed%2]
	for _, f := range faults() {
		if f.name == cancels {
			chosen = append(chosen, trial{f, chosen[0].storage})
		}
	}
	for _, c := range chosen {
		s := w.story(c.fault, c.storage)
		s.Everyday = true
		all[slices.IndexFunc(all, func(a story) bool { return a.Name == s.Name })] = s
	}
}

// hitBy tries the fault, again with another seed where it hit nothing.
func (w *world) hitBy(t *testing.T, f fault) {
	t.Helper()
	for n := range uint64(tries) {
		w.make(t)
		r := w.trial(t, attempt{f, *storiesSeed + n*1000})
		r.judge(t)
		if r.Missed == "" || r.bad() {
			return
		}
	}
	t.Fatalf("the fault has hit nothing with %d seeds: this is no trial of it", tries)
}
