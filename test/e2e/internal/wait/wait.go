// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package wait is the one way in which the cluster tests wait: for a condition,
// with a deadline, never for a fixed time. It also sums up what each test has
// waited for.
//
// A function that takes t fails the test at the deadline. Try and Watch report the
// failure instead.
package wait

import (
	"fmt"
	"testing"
	"time"
)

// Condition says whether the wait is over, and otherwise what is there instead.
type Condition func() (done bool, got string)

// often is how often Watch checks its condition, and how soon Try does so again.
const often = 200 * time.Millisecond

// retryDeadline is how long a part of the cluster may be down.
const retryDeadline = 3 * time.Minute

// Until waits for a condition. At the deadline it fails the test and prints what is
// there instead.
func Until(t testing.TB, deadline time.Duration, what string, condition Condition) {
	t.Helper()
	began := time.Now()
	done, got := Try(deadline, condition)
	Note(t, what, time.Since(began))
	if !done {
		t.Fatalf("after %s still not: %s\ngot: %s", deadline, what, got)
	}
}

// Retry repeats an action that may fail while a part of the cluster is down, and
// fails the test if it never succeeds.
func Retry(t testing.TB, what string, action func() error) {
	t.Helper()
	Until(t, retryDeadline, what, func() (bool, string) {
		err := action()
		return err == nil, fmt.Sprint(err)
	})
}

// Try is Until that reports instead of failing the test. It checks less often the
// longer it waits: a check in a pod costs more CPU than most of what is waited for.
func Try(deadline time.Duration, condition Condition) (done bool, got string) {
	return poll(deadline, condition, func(waited time.Duration) time.Duration {
		return min(max(waited/10, often), time.Second)
	})
}

// Watch is Try for a moment that passes: it always checks as often as it can.
func Watch(deadline time.Duration, condition Condition) (done bool, got string) {
	return poll(deadline, condition, func(time.Duration) time.Duration { return often })
}

func poll(deadline time.Duration, condition Condition, pause func(waited time.Duration) time.Duration) (bool, string) {
	for began := time.Now(); ; {
		done, got := condition()
		waited := time.Since(began)
		if done || waited > deadline {
			return done, got
		}
		<-time.After(pause(waited))
	}
}
