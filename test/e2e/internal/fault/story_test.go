// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
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
	for seed := range uint64(2 * len(All())) {
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
