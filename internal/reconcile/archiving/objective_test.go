// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

func TestObjective(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spec      time.Duration
		schedules []string
		want      time.Duration
	}{
		"that of the Stanza":                {15 * time.Minute, []string{"30 2 * * *"}, 15 * time.Minute},
		"a full each night":                 {0, []string{"30 2 * * *"}, 24*time.Hour + 65*time.Minute},
		"an incr each half hour":            {0, []string{"30 2 * * *", "*/30 * * * *"}, 40 * time.Minute},
		"one each minute":                   {0, []string{"* * * * *"}, 7 * time.Minute},
		"office hours have a long weekend":  {0, []string{"*/30 8-18 * * 1-5"}, 61*time.Hour + 30*time.Minute + 65*time.Minute},
		"each week":                         {0, []string{"0 3 * * 0"}, 7*24*time.Hour + 65*time.Minute},
		"each month":                        {0, []string{"0 3 1 * *"}, 31*24*time.Hour + 65*time.Minute},
		"on a leap day":                     {0, []string{"0 3 29 2 *"}, 4*366*24*time.Hour - 3*24*time.Hour + 65*time.Minute},
		"no schedule":                       {0, nil, 0},
		"a schedule that cannot be read":    {0, []string{"nonsense"}, 0},
		"the same rhythm, one with a shift": {0, []string{"0 0,12 * * *", "0 0,6 * * *"}, 12*time.Hour + 65*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var spec stanzaflowv1alpha1.Objectives
			if tc.spec > 0 {
				spec.RPO = &metav1.Duration{Duration: tc.spec}
			}
			var entries []stanzaflowv1alpha1.ScheduleStatus
			for _, expression := range tc.schedules {
				entries = append(entries, stanzaflowv1alpha1.ScheduleStatus{Schedule: expression})
			}
			if got := Objective(spec, entries); got != tc.want {
				t.Errorf("the objective is %s, want %s", got, tc.want)
			}
		})
	}
}
