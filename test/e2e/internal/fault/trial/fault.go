// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"math/rand/v2"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

// Fault is one way to break a World while a run is running.
type Fault struct {
	// Name is unique.
	Name string
	// What breaks, in one line.
	What string
	// Store that it needs, cpo.StorageS3 or cpo.StoragePVC. Empty is either.
	Store string
	// Moments at which it may happen. The seed picks one.
	Moments []Moment
	// BackupType of the run. Empty lets the seed pick full or incr.
	BackupType string
	// Inject breaks. It returns what repairs, nil if there is nothing to repair.
	Inject func(t *testing.T, tr *Trial) (repair func())
	// Judge says what is wrong after the run beside what every trial checks. Nil if there is
	// nothing more to check.
	Judge func(t *testing.T, tr *Trial) (wrong []string)
	// After says what is wrong after the repair, nil if there is nothing to check.
	After func(t *testing.T, tr *Trial) (wrong []string)
	// Lasting faults are repaired when the run is over. Others are repaired after some
	// seconds, which the seed picks.
	Lasting bool
	// MayFail allows the run to fail, although the fault passes.
	MayFail bool
	// Cancels the run. The run must say what became of its backup.
	Cancels bool
	// Human repairs stand for what a person has to do. Without that the next run
	// cannot work.
	Human bool
	// Held requires the run to say that it was held.
	Held bool
	// Alone breaks what other Worlds need too.
	Alone bool
	// Spoils the World: it is made again.
	Spoils bool
	// Slow trials take longer than make test has for one.
	Slow bool
	// Again is the type of the next run. Empty is the same type again.
	Again string
}

// mustSurvive says that the run itself must succeed.
func (f Fault) mustSurvive() bool {
	return !f.Lasting && !f.Human && !f.Held && !f.MayFail && !f.Cancels
}

// attempts that a run has in each step: enough for a fault that passes, and few for one
// that does not.
func (f Fault) attempts() int {
	if f.Lasting {
		return 2
	}
	return 6
}

// Storage that a trial of the fault uses.
func (f Fault) Storage(seed uint64) string {
	if f.Store != "" {
		return f.Store
	}
	return Pick(ladder.Random(f.Name+"/storage", seed), cpo.StorageS3, cpo.StoragePVC)
}

// Form of the runs in a trial of the fault, where nobody asks for one. Every fault must be
// harmless to each.
func (f Fault) Form(seed uint64) vocab.RunForm {
	return Pick(ladder.Random(f.Name+"/form", seed), vocab.Forms...)
}

// Pick returns one of the values.
func Pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }
