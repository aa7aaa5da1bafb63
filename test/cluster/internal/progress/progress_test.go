// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"testing"
	"time"
)

func TestLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expected, elapsed time.Duration
		want              string
	}{
		{0, time.Minute, ""},
		{5 * time.Minute, time.Minute, ", about 4 min left (an estimate)"},
		{5 * time.Minute, 4*time.Minute + 50*time.Second, ", about 1 min left (an estimate)"},
		{5 * time.Minute, 5*time.Minute + time.Second, ", longer than the estimate of 5 min"},
	} {
		if got := left(c.expected, c.elapsed); got != c.want {
			t.Errorf("left(%s, %s) = %q, want %q", c.expected, c.elapsed, got, c.want)
		}
	}
}
