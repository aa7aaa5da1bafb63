// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testSuspend suspends the schedules for three slots and resumes them: no run starts
// meanwhile, and afterwards one run, that of the newest slot, makes up for all of them.
func testSuspend(t *testing.T) {
	k := startEveryMinute(t, "suspend")

	k.Suspend(t, true)
	// Argo may see the change some seconds later than this test.
	first := time.Now().Add(5 * time.Second).Truncate(time.Minute).Add(time.Minute)
	third := first.Add(2 * time.Minute)
	wait.Until(t, 5*time.Minute, "three slots have passed", func() (bool, string) {
		left := time.Until(third.Add(15 * time.Second))
		return left < 0, left.String()
	})
	resumed := time.Now()
	if made := slotsWithRun(t, k, first, resumed); len(made) > 0 {
		t.Errorf("the schedules were suspended, and the slots %v have runs", made)
	}
	k.Suspend(t, false)
	awaitBackupSince(t, k, resumed)
	wait.Until(t, 4*time.Minute, "the next slot has a run", func() (bool, string) {
		next := slotsWithRun(t, k, resumed, resumed.Add(time.Hour))
		return len(next) > 0, fmt.Sprint(next)
	})
	want := []string{third.UTC().Format(time.TimeOnly)}
	if diff := cmp.Diff(want, slotsWithRun(t, k, first, resumed)); diff != "" {
		t.Errorf("the slots of the suspension that have runs (-want +got):\n%s", diff)
	}
	restoreToTheEnd(t, k)
}
