// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"runtime"
	"time"
)

// Expected estimates how long a machine like this one takes to build programs
// from nothing.
func Expected(programs []Program) time.Duration {
	var total time.Duration
	for _, p := range programs {
		total += p.CPU
	}
	// More processors than these mostly wait for the few large packages.
	return total / time.Duration(min(runtime.NumCPU(), 8))
}

func (b *batch) expected() time.Duration { return Expected(b.programs) }

// paceOf returns how much slower this machine is than the table's, after one build.
// The rest of an interrupted build in Go's cache must not make it too optimistic.
func paceOf(took, expected time.Duration) float64 {
	if expected < 10*time.Second {
		return 1
	}
	return max(0.5, took.Seconds()/expected.Seconds())
}

func scale(d time.Duration, pace float64) time.Duration { return time.Duration(float64(d) * pace) }
