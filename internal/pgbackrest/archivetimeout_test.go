// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"testing"
	"time"
)

// TestArchiveTimeout has what pgBackRest 2.55.1 accepts, and what it refuses.
func TestArchiveTimeout(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"": time.Minute, "60": time.Minute, "15": 15 * time.Second, "100ms": 100 * time.Millisecond,
		"90s": 90 * time.Second, "60S": time.Minute, "2m": 2 * time.Minute, "2M": 2 * time.Minute, "3h": 3 * time.Hour, "1d": 24 * time.Hour, "86400": 24 * time.Hour,
		// Refused, so that no run comes as far as to wait.
		"0": time.Minute, "0.5": time.Minute, "99ms": time.Minute, "86401": time.Minute, "2d": time.Minute, "1w": time.Minute, "-5": time.Minute, "a": time.Minute,
		"1e9": time.Minute, "99999999999999999999": time.Minute,
	} {
		if got := ArchiveTimeout(value); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}
