// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
)

func TestNextRuns(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 27, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		zone       string
		expression string
		want       []string
	}{
		"in its zone":                      {"Asia/Tokyo", "0 4 * * *", []string{"28 Mar 04:00 JST", "29 Mar 04:00 JST", "30 Mar 04:00 JST"}},
		"no 02:30 when the clocks change":  {"Europe/Vienna", "30 2 * * *", []string{"28 Mar 02:30 CET", "30 Mar 02:30 CEST", "31 Mar 02:30 CEST"}},
		"a run that is due now is no next": {"UTC", "0 12 * * *", []string{"28 Mar 12:00 UTC", "29 Mar 12:00 UTC", "30 Mar 12:00 UTC"}},
		"never":                            {"UTC", "0 0 31 2 *", nil},
		"no such zone":                     {"Europe/Atlantis", "0 4 * * *", nil},
		"no such expression":               {"UTC", "every night", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, at := range schedule.NextRuns(tc.zone, []string{tc.expression}, now, 3) {
				got = append(got, at.Format("2 Jan 15:04 MST"))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
