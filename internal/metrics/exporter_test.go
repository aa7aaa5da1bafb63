// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// TestLastBackup says which backup counts as the last one of each type.
func TestLastBackup(t *testing.T) {
	const hour = time.Hour
	type (
		listed = []stanzaflowv1alpha1.ListedBackup
		proofs = []*stanzaflowv1alpha1.BackupStatus
	)
	for name, tc := range map[string]struct {
		listed listed
		proven proofs
		// want is the age of the last one in hours, by type. 0 means that there is none.
		full, diff, incr float64
	}{
		"none":                                  {},
		"a full counts as any":                  {listed{listedBackup("full", 3*hour, gb)}, nil, 3, 3, 3},
		"a diff counts as incr":                 {listed{listedBackup("diff", hour, gb), listedBackup("full", 3*hour, gb)}, nil, 3, 1, 1},
		"an incr without its full":              {listed{listedBackup("incr", hour, gb)}, nil, 0, 0, 1},
		"a full that is too old for the list":   {listed{listedBackup("incr", hour, gb)}, proofs{backup("repo1", "full", 50*hour, gb)}, 50, 50, 1},
		"a full that somebody has removed":      {listed{listedBackup("full", 50*hour, gb)}, proofs{backup("repo1", "full", 3*hour, gb)}, 50, 50, 50},
		"proven, and no watch has listed":       {nil, proofs{backup("repo1", "full", 3*hour, gb), backup("repo2", "incr", hour, gb)}, 3, 3, 1},
		"proven in a repo that nobody listed":   {listed{listedBackup("full", 50*hour, gb)}, proofs{backup("repo2", "full", 3*hour, gb)}, 3, 3, 3},
		"the newest of two repos, in any order": {nil, proofs{backup("repo2", "full", hour, gb), backup("repo1", "full", 2*hour, gb)}, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := stanza("shop", "orders", func(s *stanzaflowv1alpha1.StanzaStatus) {
				s.Repos = []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Newest: tc.listed}, {Name: "repo2"}}
				for _, proof := range tc.proven {
					s.Schedules = append(s.Schedules, stanzaflowv1alpha1.ScheduleStatus{LastBackup: proof})
				}
			})
			backups := allBackups(&s)
			for types, want := range map[*[]string]float64{{"full"}: tc.full, {"full", "diff"}: tc.diff, {"full", "diff", "incr"}: tc.incr} {
				got := 0.0
				if last := newestOf(backups, *types); last != nil {
					got = now.Sub(last.StopTime.Time).Hours()
				}
				if got != want {
					t.Errorf("the last of %v is %v h old, want %v", *types, got, want)
				}
			}
		})
	}
}

// TestStatusOfAStanza is that of its repos, as pgBackRest puts them together.
func TestStatusOfAStanza(t *testing.T) {
	for want, messages := range map[int][]string{
		0:  {"", ""},
		1:  {"missing stanza path"},
		2:  {"no valid backups", "no valid backups"},
		4:  {"", "missing stanza path"},
		5:  {"database mismatch across repos"},
		99: {"[CryptoError] cipher header invalid"},
	} {
		codes := make([]int, 0, len(messages))
		for _, message := range messages {
			codes = append(codes, statusCode(message))
		}
		if got := together(codes); got != want {
			t.Errorf("%q is %d, want %d", messages, got, want)
		}
	}
}
