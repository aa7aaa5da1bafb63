// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

func TestEveryFaultCanBeTried(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range All() {
		if f.Name == "" || f.What == "" || f.Inject == nil || len(f.Moments) == 0 {
			t.Errorf("fault %q lacks something: %+v", f.Name, f)
		}
		if seen[f.Name] {
			t.Errorf("two faults have the name %s", f.Name)
		}
		seen[f.Name] = true
	}
}

// TestTurnsReachEveryFault checks that consecutive seeds try every fault that is not slow,
// in every storage that it can use, and that each turn cancels a run.
func TestTurnsReachEveryFault(t *testing.T) {
	t.Parallel()
	reached := map[string]bool{}
	for seed := range uint64(len(candidates())) {
		cancels := false
		for _, s := range NewWorlds(t, seed).Stories(4) {
			if !s.Everyday {
				continue
			}
			reached[s.Name+" "+s.Lane] = true
			cancels = cancels || s.Name == "fault/stop-workflow" || s.Name == "fault/terminate-workflow"
		}
		if !cancels {
			t.Errorf("seed %d cancels no run", seed)
		}
	}
	for _, f := range All() {
		for _, storage := range []string{cpo.StorageS3, cpo.StoragePVC} {
			if f.Store != "" && f.Store != storage || strings.HasSuffix(f.Name, "-workflow") {
				continue
			}
			if got := reached["fault/"+f.Name+" fault/"+storage]; got == f.Slow {
				t.Errorf("fault %s, slow %v, with storage %s: reached %v", f.Name, f.Slow, storage, got)
			}
		}
	}
}

// TestTurnsReachEachForm checks that the turns try every fault with each form in every
// storage, and that each turn has all forms.
func TestTurnsReachEachForm(t *testing.T) {
	t.Parallel()
	reached := map[string]bool{}
	for _, c := range candidates() {
		reached[c.fault.Name+" "+c.storage+" "+string(c.form)] = true
	}
	for _, c := range candidates() {
		for _, form := range vocab.Forms {
			if key := c.fault.Name + " " + c.storage + " " + string(form); !reached[key] {
				t.Errorf("no turn tries %s", key)
			}
		}
	}
	for seed := range uint64(len(candidates())) {
		forms := map[vocab.RunForm]bool{}
		for _, c := range ladder.Rotate(candidates(), seed, 4) {
			forms[c.form] = true
		}
		if len(forms) != len(vocab.Forms) {
			t.Errorf("turn %d tries only %v", seed, forms)
		}
	}
}

// TestSweepTriesEachForm checks what is due in a sweep: what was tried with one form is
// tried with the others.
func TestSweepTriesEachForm(t *testing.T) {
	t.Parallel()
	kinds := All()[:2]
	s := &sweep{options: Options{Forms: vocab.Forms}, results: &results{rows: []trial.Result{
		{Kind: kinds[0].Name, Seed: 1, Form: vocab.FormPod},
		{Kind: kinds[1].Name, Seed: 2, Form: vocab.FormDAG},
		{Kind: kinds[1].Name, Seed: 1, Form: vocab.FormPod, FalseGreen: true},
	}}}
	var got []string
	for _, a := range s.due(kinds, 1) {
		got = append(got, a.fault.Name+" "+string(a.form))
	}
	want := []string{kinds[0].Name + " dag", kinds[0].Name + " compact", kinds[1].Name + " pod", kinds[1].Name + " dag", kinds[1].Name + " compact"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}

	// Without a form the seed picks one, the same each time, and each in the end.
	s.options.Forms = nil
	forms := map[vocab.RunForm]bool{}
	for seed := range uint64(20) {
		form := s.options.forms(kinds[0], seed)
		if diff := cmp.Diff(form, s.options.forms(kinds[0], seed)); diff != "" || len(form) != 1 {
			t.Errorf("seed %d picks %v, then other ones:\n%s", seed, form, diff)
		}
		forms[form[0]] = true
	}
	if len(forms) != len(vocab.Forms) {
		t.Errorf("20 seeds pick only %v", forms)
	}
}
