// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// TestLateWAL has the archive without the last segment of the backup, …09, and the
// file that PostgreSQL had archived last.
func TestLateWAL(t *testing.T) {
	t.Parallel()
	const last = "000000010000000000000009"
	for name, tc := range map[string]struct {
		upTo   string
		change func(*testing.T, *Input)
		late   []string
		// other means that something else is wrong, which another try does not change.
		other bool
	}{
		"the segment before it":                    {upTo: "000000010000000000000008", late: []string{last}},
		"the history file of the backup before it": {upTo: "000000010000000000000008.00000028.backup", late: []string{last}},
		"nothing since the statistics were reset":  {upTo: "", late: []string{last}},
		"a history file of a timeline":             {upTo: "00000002.history", late: []string{last}},
		"the beginning of the segment":             {upTo: last + ".partial", late: []string{last}},
		"a segment of another timeline":            {upTo: "000000020000000000000020", late: []string{last}},
		"the segment itself":                       {upTo: last},
		"a later one":                              {upTo: "000000010000000100000000"},
		"the history file of the backup":           {upTo: last + ".00000028.backup"},
		"the segment before it, which is there twice": {
			upTo:   "000000010000000000000008",
			change: func(_ *testing.T, in *Input) { in.Archived["000000010000000000000008"] = false },
		},
		"the segment before it, which is lost": {
			upTo:   "000000010000000000000008",
			change: func(_ *testing.T, in *Input) { in.Archived = nil },
		},
		"the segment before it, and a page is damaged": {
			upTo:   "000000010000000000000008",
			change: func(t *testing.T, in *Input) { in.edit(t, incrLabel).Error = true },
			late:   []string{last}, other: true,
		},
		"the segment before it, and files are gone": {
			upTo:   "000000010000000000000008",
			change: func(_ *testing.T, in *Input) { in.Files[fullLabel] = pgbackrest.RepoFiles{Manifest: true} },
			late:   []string{last}, other: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := proven(t)
			if in.LacksWAL() || in.OnlyLate() || in.LateWAL() != nil {
				t.Fatal("a proven backup lacks WAL")
			}
			delete(in.Archived, last)
			in.ArchivedUpTo = tc.upTo
			if tc.change != nil {
				tc.change(t, &in)
			}
			if diff := cmp.Diff(tc.late, in.LateWAL()); diff != "" {
				t.Errorf("late (-want +got):\n%s", diff)
			}
			if want := tc.late != nil && !tc.other; in.OnlyLate() != want {
				t.Errorf("only late is %v, want %v", in.OnlyLate(), want)
			}
			if !in.LacksWAL() {
				t.Error("it lacks no WAL")
			}
			if _, reasons := Prove(in); len(reasons) == 0 {
				t.Error("the backup is proven")
			}
		})
	}
}

// TestNoBackupLacksNoWAL: another clause says that there is no backup.
func TestNoBackupLacksNoWAL(t *testing.T) {
	t.Parallel()
	in := proven(t)
	in.Run, in.Archived = "another", nil
	if in.LacksWAL() || in.OnlyLate() || in.LateWAL() != nil {
		t.Error("without a backup, WAL is late")
	}
}
