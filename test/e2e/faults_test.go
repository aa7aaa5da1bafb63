// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"flag"
	"regexp"
	"slices"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault"
)

var (
	faultList   = flag.Bool("faults.list", false, "print one kind of fault a line, and do nothing else")
	faultKinds  = flag.String("faults.kinds", ".", "regular expression of the kinds to try")
	faultForm   = flag.String("faults.form", "", "form of the runs that each fault meets: pod, dag, compact or all; if empty, the seed picks one for each trial")
	faultSeeds  = flag.Int("faults.seeds", 0, "how many seeds each kind is tried with")
	faultSeed   = flag.Uint64("faults.seed", 1, "the first seed: the same seed does the same again")
	faultLog    = flag.String("faults.results", "", "directory that keeps what has been tried, so that the next call continues there; required")
	faultWorlds = flag.Int("faults.worlds", 1, "how many clusters of each storage are broken at the same time")
	faultFor    = flag.Duration("faults.for", 0, "begin no trial after this long; 0 for no end")
)

// TestFaults breaks one thing after the other while runs continue, and compares what the
// runs said with the truth: a restore. The next run must work, by itself unless a person
// is needed, and nothing may be left behind.
//
//nolint:paralleltest // It breaks what every other test needs.
func TestFaults(t *testing.T) {
	kinds := regexp.MustCompile(*faultKinds)
	if *faultList {
		fault.List(kinds)
		return
	}
	var forms []vocab.RunForm
	switch form := vocab.RunForm(*faultForm); {
	case form == "all":
		forms = vocab.Forms
	case slices.Contains(vocab.Forms, form):
		forms = []vocab.RunForm{form}
	case form != "":
		t.Fatalf("-faults.form is %q, must be pod, dag, compact or all", form)
	}
	fault.Sweep(t, fault.Options{
		Kinds: kinds, Forms: forms, Seeds: *faultSeeds, Seed: *faultSeed, Results: *faultLog, Worlds: *faultWorlds, For: *faultFor,
	})
}
