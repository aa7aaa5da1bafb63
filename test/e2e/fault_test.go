// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

var (
	faultList   = flag.Bool("faults.list", false, "print one kind of fault a line, and do nothing else")
	faultKinds  = flag.String("faults.kinds", ".", "regular expression of the kinds to try")
	faultSeeds  = flag.Int("faults.seeds", 0, "how many seeds each kind is tried with; 0 tries -faults.trials kinds with one")
	faultTrials = flag.Int("faults.trials", 8, "how many kinds to try when -faults.seeds is 0")
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
	return pick(random(f.name+"/storage", seed), cpo.StorageS3, cpo.StoragePVC)
}

// random is the same for the same text and seed.
func random(text string, seed uint64) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
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

// TestFaults breaks one thing after the other while runs go on, and compares
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
	results := openResults(t, *faultLog)
	queues := map[string]chan attempt{}
	plan := attempts(kinds)
	for _, a := range plan {
		if results.has(a.fault.name, a.seed) {
			continue
		}
		storage := a.fault.storage(a.seed)
		if queues[storage] == nil {
			queues[storage] = make(chan attempt, len(plan))
		}
		queues[storage] <- a
	}
	t.Logf("seed %d: %d trials, %d of them done before", *faultSeed, len(plan), len(results.rows))
	var apart sync.RWMutex
	started := time.Now()
	t.Run("worlds", func(t *testing.T) {
		for storage, queue := range queues {
			close(queue)
			for n := range *faultWorlds {
				t.Run(fmt.Sprintf("%s-%d", storage, n), func(t *testing.T) {
					t.Parallel()
					w := &world{storage: storage, name: fmt.Sprintf("e2e-fault-%s-%d", storage, n), owner: t}
					for a := range queue {
						if *faultFor > 0 && time.Since(started) > *faultFor {
							break
						}
						t.Run(fmt.Sprintf("%s/%d", a.fault.name, a.seed), func(t *testing.T) {
							defer lockApart(&apart, a.fault.alone)()
							w.make(t)
							results.add(t, w.trial(t, a))
						})
					}
				})
			}
		}
	})
	results.print(t, kinds)
}

// attempt is one fault with one seed.
type attempt struct {
	fault fault
	seed  uint64
}

// attempts goes through all kinds before the next seed, so that a sweep that is
// cut short has tried every kind.
func attempts(kinds []fault) []attempt {
	var all []attempt
	if *faultSeeds == 0 {
		order := random("order", *faultSeed).Perm(len(kinds))
		for _, i := range order[:min(*faultTrials, len(order))] {
			all = append(all, attempt{kinds[i], *faultSeed})
		}
		return all
	}
	for n := range uint64(*faultSeeds) {
		for _, f := range kinds {
			all = append(all, attempt{f, *faultSeed + n})
		}
	}
	return all
}

// lockApart lets several trials go on at once, and one that is alone only by
// itself.
func lockApart(apart *sync.RWMutex, alone bool) func() {
	if alone {
		apart.Lock()
		return apart.Unlock
	}
	apart.RLock()
	return apart.RUnlock
}
