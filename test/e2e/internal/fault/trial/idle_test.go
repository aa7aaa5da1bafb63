// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"testing"
	"time"
)

// TestIdle checks when a run counts as left lying. A step is how many seconds a run has
// been in a state: with how many pods so far, and whether the newest is alive.
func TestIdle(t *testing.T) {
	t.Parallel()
	type step struct {
		seconds, pods int
		alive         bool
	}
	for name, tc := range map[string]struct {
		steps []step
		want  time.Duration
		bad   bool
	}{
		"waits for its lock, and works": {[]step{{900, 0, false}, {600, 1, true}}, 0, false},
		"ends at once":                  {[]step{{60, 1, true}, {2, 1, false}}, 0, false},
		"waits for its backoff":         {[]step{{60, 1, true}, {10, 1, false}, {60, 2, true}, {20, 2, false}, {60, 3, true}}, 0, false},
		"is touched":                    {[]step{{60, 1, true}, {33, 1, false}, {60, 2, true}}, 23 * time.Second, false},
		"is forgotten":                  {[]step{{60, 1, true}, {1110, 1, false}}, 1100 * time.Second, true},
		"is forgotten in its third pod": {[]step{{60, 2, true}, {60, 3, true}, {101, 3, false}}, 61 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var idle idleWatch
			now := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
			for _, s := range tc.steps {
				for range s.seconds {
					now = now.Add(time.Second)
					idle.note(now, s.alive, s.pods)
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
