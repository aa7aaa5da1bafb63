// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/play"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

// tries is how often a fault that hit nothing is tried, each time with another seed.
const tries = 3

// Worlds are where the stories of faults happen, one for each storage. The first story
// that needs a World makes it.
type Worlds struct {
	seed uint64
	of   map[string]*trial.World // by storage
}

// NewWorlds returns Worlds that the test removes at its end. The seed picks moments,
// storages and forms.
func NewWorlds(t *testing.T, seed uint64) *Worlds {
	t.Helper()
	w := &Worlds{seed: seed, of: map[string]*trial.World{}}
	for _, storage := range []string{cpo.StorageS3, cpo.StoragePVC} {
		w.of[storage] = trial.NewWorld(t, storage, 0)
	}
	return w
}

// Stories returns one story for each fault. everyday of them, and one that cancels a run,
// are stories of every day.
//
// Consecutive seeds go through all faults that are not slow, in one storage and then in
// the other, so that one call seldom needs both Worlds. The form alternates from one fault
// to the next, and each fault meets another form in the next round.
func (w *Worlds) Stories(everyday int) []play.Story {
	var all []play.Story
	for _, f := range All() {
		all = append(all, w.story(f, f.Storage(w.seed), f.Form(w.seed)))
	}
	if everyday == 0 {
		return all
	}
	for _, s := range w.turn(everyday) {
		s.Everyday = true
		all[slices.IndexFunc(all, func(a play.Story) bool { return a.Name == s.Name })] = s
	}
	return all
}

// turn chooses n faults, and one that cancels a run.
func (w *Worlds) turn(n int) []play.Story {
	chosen := ladder.Rotate(candidates(), w.seed, n)
	cancels := [2]string{"stop-workflow", "terminate-workflow"}[w.seed%2]
	for _, f := range All() {
		if f.Name == cancels {
			chosen = append(chosen, candidate{f, chosen[0].storage, vocab.Forms[w.seed/2%uint64(len(vocab.Forms))]})
		}
	}
	var stories []play.Story
	for _, c := range chosen {
		stories = append(stories, w.story(c.fault, c.storage, c.form))
	}
	return stories
}

type candidate struct {
	fault   trial.Fault
	storage string
	form    vocab.RunForm
}

// candidates are the faults of every day in the order of the seeds, in each storage and
// with each form.
func candidates() []candidate {
	var once, all []candidate
	for _, storage := range []string{cpo.StorageS3, cpo.StoragePVC} {
		faults := All()
		ladder.Random("order", 0).Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for _, f := range faults {
			if !f.Slow && (f.Store == "" || f.Store == storage) {
				once = append(once, candidate{fault: f, storage: storage})
			}
		}
	}
	// The forms take turns from one round to the next, too. If each fault would meet the
	// same form again, the last form of a round is the first of the next.
	forms := len(vocab.Forms)
	shift := cmp.Or(len(once)%forms, forms-1)
	for round := range forms {
		for i, c := range once {
			c.form = vocab.Forms[(i+round*shift)%forms]
			all = append(all, c)
		}
	}
	return all
}

func (w *Worlds) story(f trial.Fault, storage string, form vocab.RunForm) play.Story {
	takes := 70 * time.Second
	if f.Slow {
		takes = 5 * time.Minute
	}
	return play.Story{
		Story: ladder.Story{
			Name: "fault/" + f.Name, Lane: "fault/" + storage, Alone: f.Alone, Takes: takes,
			Touches: []string{"internal/run/", "internal/pgbackrest/", "internal/reconcile/outcome/", "workflows/"},
		},
		Play: func(t *testing.T) { w.try(t, w.of[storage], f, form) },
	}
}

// try tries the fault, and if it hit nothing, again with another seed.
func (w *Worlds) try(t *testing.T, world *trial.World, f trial.Fault, form vocab.RunForm) {
	t.Helper()
	for n := range uint64(tries) {
		world.Make(t)
		r := world.Break(t, f, w.seed+n*1000, form)
		r.Check(t)
		if r.Missed == "" || r.IsBad() {
			return
		}
	}
	t.Fatalf("the fault has hit nothing with %d seeds: this is not a trial of it", tries)
}
