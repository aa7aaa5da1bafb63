// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo_test

import (
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

func TestCronJobMakes(t *testing.T) {
	t.Parallel()
	slot := time.Date(2026, 11, 29, 2, 30, 0, 0, time.UTC)
	before, after := slot.Add(-time.Second), slot.Add(time.Second)
	old := slot.Add(-24 * time.Hour)
	for name, tc := range map[string]struct {
		cronJob cpo.CronJob
		want    bool
	}{
		"active":                                    {cpo.CronJob{Created: old, LastSlot: old}, true},
		"active, and has started the slot":          {cpo.CronJob{Created: old, LastSlot: slot}, true},
		"active, and has never started one":         {cpo.CronJob{Created: old}, true},
		"made after the slot":                       {cpo.CronJob{Created: after}, false},
		"made in the second of the slot":            {cpo.CronJob{Created: slot}, false},
		"made after the slot, has started another":  {cpo.CronJob{Created: after, LastSlot: slot.Add(time.Hour)}, false},
		"suspended before the slot":                 {cpo.CronJob{Created: old, LastSlot: old, Suspended: true, SuspendTime: before}, false},
		"suspended before its first slot":           {cpo.CronJob{Created: old, Suspended: true, SuspendTime: before}, false},
		"suspended after the slot":                  {cpo.CronJob{Created: old, LastSlot: slot, Suspended: true, SuspendTime: after}, true},
		"suspended after a slot that it has missed": {cpo.CronJob{Created: old, LastSlot: old, Suspended: true, SuspendTime: after}, true},
		"suspended in the second, too late":         {cpo.CronJob{Created: old, LastSlot: slot, Suspended: true, SuspendTime: slot}, true},
		"suspended in the second, in time":          {cpo.CronJob{Created: old, LastSlot: old, Suspended: true, SuspendTime: slot}, false},
		"suspended, and nobody knows when":          {cpo.CronJob{Created: old, LastSlot: old, Suspended: true}, false},
		"suspended, nobody knows when, and started": {cpo.CronJob{Created: old, LastSlot: slot, Suspended: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.cronJob.Makes(slot); got != tc.want {
				t.Errorf("%+v makes the slot: %t, want %t", tc.cronJob, got, tc.want)
			}
		})
	}
}
