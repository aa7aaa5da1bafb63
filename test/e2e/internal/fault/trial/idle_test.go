// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"testing"
	"time"
)

// TestIdle checks when a run counts as left lying. A step is how many seconds a run has
// been in a state: how many pods have tried what it does now, and whether the newest is
// alive.
func TestIdle(t *testing.T) {
	t.Parallel()
	type step struct {
		seconds, tries int
		alive          bool
		// between two steps of the form dag nothing is tried.
		between bool
	}
	for name, tc := range map[string]struct {
		steps []step
		want  time.Duration
		bad   bool
	}{
		"waits for its lock, and works": {[]step{{seconds: 900}, {600, 1, true, false}}, 0, false},
		"ends at once":                  {[]step{{60, 1, true, false}, {2, 1, false, false}}, 0, false},
		"waits for its backoff":         {[]step{{60, 1, true, false}, {10, 1, false, false}, {60, 2, true, false}, {20, 2, false, false}, {60, 3, true, false}}, 0, false},
		"is touched":                    {[]step{{60, 1, true, false}, {33, 1, false, false}, {60, 2, true, false}}, 23 * time.Second, false},
		"is forgotten":                  {[]step{{60, 1, true, false}, {1110, 1, false, false}}, 1100 * time.Second, true},
		"waits for its next step":       {[]step{{60, 1, true, false}, {30, 0, false, true}, {60, 1, true, false}}, 30 * time.Second, false},
		"is forgotten between two":      {[]step{{60, 1, true, false}, {62, 0, false, true}}, 62 * time.Second, true},
		"is forgotten in its third pod": {[]step{{60, 2, true, false}, {60, 3, true, false}, {101, 3, false, false}}, 61 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var idle idleWatch
			now := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
			for _, s := range tc.steps {
				for range s.seconds {
					now = now.Add(time.Second)
					idle.note(now, s.alive, s.tries > 0 || s.between, backoffAfter(podBackoff, s.tries))
				}
			}
			var r Result
			r.judgeIdle(idle.longest)
			if idle.longest != tc.want || r.IsBad() != tc.bad {
				t.Errorf("idle for %s, bad: %t; want %s, %t", idle.longest, r.IsBad(), tc.want, tc.bad)
			}
		})
	}
}
