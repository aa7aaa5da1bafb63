// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"testing"
	"time"
)

func TestFailedSince(t *testing.T) {
	t.Parallel()
	early := time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
	late := early.Add(time.Second)
	for name, tc := range map[string]struct{ archived, failed, want *time.Time }{
		"nothing was archived":      {nil, nil, nil},
		"all went well":             {&early, nil, nil},
		"failed and never archived": {nil, &early, &early},
		"failed after":              {&early, &late, &late},
		"failed before":             {&late, &early, nil},
	} {
		if got := (Postgres{LastArchived: tc.archived, LastFailed: tc.failed}).FailedSince(); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}
