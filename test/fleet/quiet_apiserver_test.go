//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"testing"
	"time"
)

// quietFor is how long the operator must do nothing to be called quiet.
const quietFor = 5 * time.Second

// awaitQuiet waits until the operator has looked at every cluster and uses next to no
// processor time. To see that, nobody is asked anything. It returns when that began; it is
// false if the operator is in a crash loop.
func (f *fleet) awaitQuiet(b *testing.B, o *operator, what string) (since time.Time, alive bool) {
	b.Helper()
	const tick, share = 250 * time.Millisecond, 0.04
	since, used, told := time.Now(), o.busySeconds(), time.Now()
	for {
		pause(f.ctx, b, tick)
		if !o.revive(b) {
			return time.Now(), false
		}
		if now := o.busySeconds(); now-used > share*quietFor.Seconds() || now < used {
			since, used = time.Now(), now
		}
		if time.Since(since) > quietFor {
			if f.isDone(b, o) {
				return since, true
			}
			// It waits for its lease, or to try something again.
			since = time.Now()
		}
		if time.Since(told) > 20*time.Second {
			told = time.Now()
			say("%s: the operator is busy, %s", what, o.memory())
		}
	}
}

// isDone asks the operator itself.
func (f *fleet) isDone(b *testing.B, o *operator) bool {
	b.Helper()
	passes, err := o.read("controller_runtime_reconcile_total")
	if err != nil || passes < float64(f.clusters) {
		return false
	}
	waiting, err := o.read("workqueue_depth")
	return err == nil && waiting == 0
}
