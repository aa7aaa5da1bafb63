// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		took, expected time.Duration
		want           float64
	}{
		{4 * time.Minute, 2 * time.Minute, 2},
		{2 * time.Second, 2 * time.Minute, 0.5},
		{time.Minute, time.Second, 1},
	} {
		if got := paceOf(c.took, c.expected); got != c.want {
			t.Errorf("paceOf(%s, %s) = %v, want %v", c.took, c.expected, got, c.want)
		}
	}
	if got := scale(time.Minute, 2); got != 2*time.Minute {
		t.Errorf("scale = %s", got)
	}
}

// A program without a time would silently make the estimate too small.
func TestEveryProgramHasATime(t *testing.T) {
	t.Parallel()
	for _, c := range table {
		if c.CPU < time.Second {
			t.Errorf("%s: CPU = %s", c.Name, c.CPU)
		}
	}
}
