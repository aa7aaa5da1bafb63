// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

var (
	faultList   = flag.Bool("faults.list", false, "print one kind of fault a line, and do nothing else")
	faultKinds  = flag.String("faults.kinds", ".", "regular expression of the kinds to try")
	faultSeeds  = flag.Int("faults.seeds", 0, "how many seeds each kind is tried with")
	faultSeed   = flag.Uint64("faults.seed", 1, "the first seed: the same seed does the same again")
	faultLog    = flag.String("faults.results", "", "directory that keeps what has been tried, so that the next call goes on; empty keeps nothing")
	faultWorlds = flag.Int("faults.worlds", 1, "how many clusters of each storage are broken at the same time")
	faultFor    = flag.Duration("faults.for", 0, "begin no trial after this long; 0 for no end")
)

// fault is one way to break the world while a run goes on.
type fault struct {
	name string
	// what breaks, in one line.
	what string
	// store that it needs, cpo.StorageS3 or cpo.StoragePVC. Empty for either.
	store string
	// moments at which it may happen. The seed picks one.
	moments []moment
	// backupType of the run. Empty lets the seed pick full or incr.
	backupType string
	// inject breaks. What it returns mends, nil where there is nothing to mend.
	inject func(*trial) (mend func())
	// lasting: it is mended when the run is over. Otherwise after some seconds,
	// by the seed.
	lasting bool
	// mayFail: the run need not be green, though the fault passes.
	mayFail bool
	// cancels: somebody ends the run. It must say what became of its backup.
	cancels bool
	// human: what mends stands for what a person has to do. Without that the
	// next run cannot work.
	human bool
	// held: the run must say that it was held.
	held bool
	// alone: it breaks what other worlds need too.
	alone bool
	// spoils: the world is not what it was, and is made anew.
	spoils bool
	// slow: a trial takes longer than make test has for one.
	slow bool
	// again is the type of the next run. Empty for the same again.
	again string
}

// survived says that the run itself must be green.
func (f fault) survived() bool {
	return !f.lasting && !f.human && !f.held && !f.mayFail && !f.cancels
}

// attempts that a run has in each step: enough for what passes, and not so many
// for what does not.
func (f fault) attempts() int {
	if f.lasting {
		return 2
	}
	return 6
}

// storage that a trial of the fault uses.
func (f fault) storage(seed uint64) string {
	if f.store != "" {
		return f.store
	}
	return pick(ladder.Random(f.name+"/storage", seed), cpo.StorageS3, cpo.StoragePVC)
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// faults are all kinds, in the order of the table.
func faults() []fault {
	var all []fault
	for _, some := range [][]fault{podFaults, clusterFaults, databaseFaults, repoFaults, storeFaults, resourceFaults} {
		all = append(all, some...)
	}
	return all
}

// TestFaults breaks one thing after the other while runs continue, and compares
// what the runs said with the truth: a restore. The next run must work, by
// itself wherever no person is needed, and nothing may be left behind.
//
//nolint:paralleltest // it breaks what every other test needs
func TestFaults(t *testing.T) {
	only := regexp.MustCompile(*faultKinds)
	var kinds []fault
	for _, f := range faults() {
		if only.MatchString(f.name) {
			kinds = append(kinds, f)
		}
	}
	if *faultList {
		for _, f := range kinds {
			fmt.Printf("kind %-28s %s\n", f.name, f.what)
		}
		return
	}
	s := &sweep{t: t, results: openResults(t, *faultLog), worlds: map[string][]*world{}, began: time.Now()}
	removeLeftovers(t)
	t.Logf("%d kinds with %d seeds from %d on; %d trials were made before", len(kinds), *faultSeeds, *faultSeed, len(s.results.rows))
	// All kinds before the next seed: a sweep that is cut short has tried each.
	for n := range uint64(*faultSeeds) {
		s.round(kinds, *faultSeed+n)
	}
	s.results.print(t, kinds)
}

// sweep is one call of TestFaults.
type sweep struct {
	t       *testing.T
	results *results
	worlds  map[string][]*world // by storage
	began   time.Time
}

// attempt is one fault with one seed.
type attempt struct {
	fault fault
	seed  uint64
}

// round tries each kind with a seed: in every world at the same time what leaves
// other worlds alone, and then the rest by itself. A trial that hangs holds up its
// own world until then.
func (s *sweep) round(kinds []fault, seed uint64) {
	queues, apart := map[string]chan attempt{}, []attempt{}
	for _, f := range kinds {
		a := attempt{f, seed}
		storage := f.storage(seed)
		switch {
		case s.results.has(f.name, seed):
		case f.alone:
			apart = append(apart, a)
		default:
			if queues[storage] == nil {
				queues[storage] = make(chan attempt, len(kinds))
			}
			queues[storage] <- a
		}
	}
	var wg sync.WaitGroup
	for storage, queue := range queues {
		close(queue)
		for n := range *faultWorlds {
			w := s.world(storage, n)
			wg.Go(func() {
				for a := range queue {
					s.try(w, a)
				}
			})
		}
	}
	wg.Wait()
	for _, a := range apart {
		s.try(s.world(a.fault.storage(seed), 0), a)
	}
}

// world returns the world of a storage with this number.
func (s *sweep) world(storage string, n int) *world {
	for len(s.worlds[storage]) <= n {
		s.worlds[storage] = append(s.worlds[storage], newWorld(s.t, storage, len(s.worlds[storage])))
	}
	return s.worlds[storage][n]
}

// try makes a trial, unless the time is over.
func (s *sweep) try(w *world, a attempt) {
	if *faultFor > 0 && time.Since(s.began) > *faultFor {
		return
	}
	s.t.Run(fmt.Sprintf("%s/%d", a.fault.name, a.seed), func(t *testing.T) {
		w.make(t)
		s.results.add(t, w.trial(t, a))
	})
}
