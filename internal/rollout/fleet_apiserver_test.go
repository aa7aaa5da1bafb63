//go:build apiserver && !race

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// TestFleetOfNamespaces measures 200 namespaces: a first apply, one that changes nothing,
// and an upgrade. The numbers of requests are held, the seconds are printed.
func TestFleetOfNamespaces(t *testing.T) {
	const fleet = 200
	w := startWorld(t)
	var names []string
	for i := range fleet {
		names = append(names, fmt.Sprintf("team-%03d", i))
	}
	w.create(t, names...)
	objects := len(own(t, "v0.1.0").Objects)
	for _, pass := range []struct {
		name, version  string
		outcome        Outcome
		requests, more int
	}{
		{"first apply", "v0.1.0", "created", fleet * (objects + 1), 20},
		{"nothing changes", "v0.1.0", "unchanged", 0, 20},
		{"upgrade", "v0.2.0", "configured", 2 * 3 * fleet, 20},
	} {
		before, start := w.requests.Load(), time.Now()
		found := slices.Sorted(maps.Values(outcomes(apply(t, w.session(t, pass.version), Target{Selector: enabled}))))
		requests, took := int(w.requests.Load()-before), time.Since(start)
		if len(found) != fleet || found[0] != pass.outcome || found[fleet-1] != pass.outcome {
			t.Errorf("%s: %d namespaces, %s to %s", pass.name, len(found), found[0], found[len(found)-1])
		}
		if requests < pass.requests || requests > pass.requests+pass.more {
			t.Errorf("%s: %d requests, want %d and at most %d more", pass.name, requests, pass.requests, pass.more)
		}
		t.Logf("MEASURED %s to %d namespaces: %.1f s, %d requests", pass.name, fleet, took.Seconds(), requests)
	}
}
