// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// Options of a sweep. They are the flags of TestFaults.
type Options struct {
	// Kinds is a regular expression of names.
	Kinds *regexp.Regexp
	// Forms are those of the runs that each fault meets. If there is none, the seed picks
	// one for each trial.
	Forms []vocab.RunForm
	// Seeds is how many seeds each fault is tried with, Seed the first of them.
	Seeds int
	Seed  uint64
	// Results is a directory that keeps what has been tried.
	Results string
	// Worlds is how many clusters of each storage are broken at the same time.
	Worlds int
	// For is how long new trials begin; 0 is no end.
	For time.Duration
}

// forms of the runs that a fault meets with a seed.
func (o Options) forms(f trial.Fault, seed uint64) []vocab.RunForm {
	if len(o.Forms) > 0 {
		return o.Forms
	}
	return []vocab.RunForm{f.Form(seed)}
}

// List prints one fault a line.
func List(kinds *regexp.Regexp) {
	for _, f := range matching(kinds) {
		fmt.Printf("kind %-28s %s\n", f.Name, f.What)
	}
}

// Sweep tries every fault with every seed, unless it was tried before.
func Sweep(t *testing.T, o Options) {
	t.Helper()
	kinds := matching(o.Kinds)
	s := &sweep{options: o, results: openResults(t, o.Results), worlds: map[string][]*trial.World{}, began: time.Now()}
	kit.RemoveLeftovers(t)
	t.Logf("%d kinds with %d seeds from %d on; %d trials were made before", len(kinds), o.Seeds, o.Seed, len(s.results.rows))
	// All kinds come before the next seed: a sweep that is cut short has tried each.
	for n := range uint64(o.Seeds) { //nolint:gosec // A number of seeds is not negative.
		s.tryEach(t, kinds, o.Seed+n)
	}
	s.results.print(t, kinds)
}

func matching(kinds *regexp.Regexp) []trial.Fault {
	var matching []trial.Fault
	for _, f := range All() {
		if kinds.MatchString(f.Name) {
			matching = append(matching, f)
		}
	}
	return matching
}

type sweep struct {
	options Options
	results *results
	worlds  map[string][]*trial.World // by storage
	began   time.Time
}

// tryEach tries each fault with a seed: first, in every World at the same time, the
// faults that leave other Worlds alone, then the others one by one. A trial that hangs
// holds up its own World until then.
func (s *sweep) tryEach(t *testing.T, kinds []trial.Fault, seed uint64) {
	t.Helper()
	queues, alone := map[string]chan attempt{}, []attempt{}
	for _, a := range s.due(kinds, seed) {
		storage := a.fault.Storage(seed)
		if a.fault.Alone {
			alone = append(alone, a)
			continue
		}
		if queues[storage] == nil {
			queues[storage] = make(chan attempt, len(vocab.Forms)*len(kinds))
		}
		queues[storage] <- a
	}
	var wg sync.WaitGroup
	for storage, queue := range queues {
		close(queue)
		for n := range s.options.Worlds {
			w := s.world(t, storage, n)
			wg.Go(func() {
				for a := range queue {
					s.try(t, w, a)
				}
			})
		}
	}
	wg.Wait()
	for _, a := range alone {
		s.try(t, s.world(t, a.fault.Storage(seed), 0), a)
	}
}

// attempt is a fault with a seed, met by runs of a form.
type attempt struct {
	fault trial.Fault
	seed  uint64
	form  vocab.RunForm
}

// due returns what has not been tried with a seed.
func (s *sweep) due(kinds []trial.Fault, seed uint64) []attempt {
	var due []attempt
	for _, f := range kinds {
		for _, form := range s.options.forms(f, seed) {
			if !s.results.has(f.Name, seed, form) {
				due = append(due, attempt{f, seed, form})
			}
		}
	}
	return due
}

// world returns the World of a storage with this number.
func (s *sweep) world(t *testing.T, storage string, n int) *trial.World {
	t.Helper()
	for len(s.worlds[storage]) <= n {
		s.worlds[storage] = append(s.worlds[storage], trial.NewWorld(t, storage, len(s.worlds[storage])))
	}
	return s.worlds[storage][n]
}

// try makes a trial, unless the time is over.
func (s *sweep) try(t *testing.T, w *trial.World, a attempt) {
	t.Helper()
	if s.options.For > 0 && time.Since(s.began) > s.options.For {
		return
	}
	t.Run(fmt.Sprintf("%s/%s/%d", a.fault.Name, a.form, a.seed), func(t *testing.T) {
		w.Make(t)
		s.results.add(t, w.Break(t, a.fault, a.seed, a.form))
	})
}
