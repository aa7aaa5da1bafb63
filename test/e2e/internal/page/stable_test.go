// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStableMakesTwoRunsEqual gives two runs of a story: what a reader must distinguish
// stays different, everything else becomes the same.
func TestStableMakesTwoRunsEqual(t *testing.T) {
	t.Parallel()
	first, second := NewStable(), NewStable()
	first.Name("pgbackrest-backup-lgcp6", "manual")
	second.Name("pgbackrest-backup-x9x9x", "manual")
	one := first.Text(`pgbackrest-backup-lgcp6: 20261128-185415F, 31.4 MB, read back, took 1m2.5s; 20261128-185415F, 3.…
20261128-185415F_20261128-190001I recoverable from 2026-11-28T18:54:15Z, WAL 00000001000000000000001A to 00000001000000000000001A
run fbdc0ef4-bcb9-4520-8c1e-0123456789ab failed with exit code 30`)
	two := second.Text(`pgbackrest-backup-x9x9x: 20270101-000000F, 9 kB, read back, took 40ms; 20270101-000000F, 29…
20270101-000000F_20270101-000200I recoverable from 2027-01-01 00:00:00Z, WAL 000000010000000000000003 to 000000010000000000000004
run 11111111-bcb9-4520-8c1e-0123456789ab failed with exit code 30`)
	if diff := cmp.Diff(one, two); diff != "" {
		t.Errorf("two runs differ (-one +two):\n%s", diff)
	}
	want := `pgbackrest-backup-manual: 20260102-013000F, 31 MB, read back, took 12s; 20260102-013000F, 31…
20260102-013000F_20260102-023000I recoverable from 2026-01-02T03:04:05Z, WAL 000000010000000000000002 to 000000010000000000000003
run 2b5a3c1e-0000-4000-8000-000000000000 failed with exit code 30`
	if diff := cmp.Diff(want, one); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStableKeepsWhatDiffers fails if a replacement hides which backup is meant, or the
// code of an error.
func TestStableKeepsWhatDiffers(t *testing.T) {
	t.Parallel()
	s := NewStable()
	if s.Text("20261128-185415F") == s.Text("20261129-185415F") {
		t.Error("two labels became one")
	}
	for _, same := range []string{"[039]", "100/100", "exit code 20", "repo1", "(403)", "pgbackrest-cluster-repo1-full", "3-backup, from the pod:\n  Error: exit status 143"} {
		if got := s.Text(same); got != same {
			t.Errorf("%q became %q", same, got)
		}
	}
}

// TestStableOfAWaitingContainer: only main, which waits for the step that failed, ends in
// one of two ways.
func TestStableOfAWaitingContainer(t *testing.T) {
	t.Parallel()
	s := NewStable()
	const where = "held(0) / main, from the pod:\n  "
	if got, want := s.Text(where+"Error: exit status 143"), where+notRun(""); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestStableTwice: a table is made stable before its columns are aligned, and once more with
// the page.
func TestStableTwice(t *testing.T) {
	t.Parallel()
	s := NewStable()
	once := s.Text("20261128-185415F 00000001000000000000001A 2026-11-28T18:54:15Z 3m12s 0/1A000028 20261129-185415F")
	if diff := cmp.Diff(once, s.Text(once)); diff != "" {
		t.Errorf("(-once +twice):\n%s", diff)
	}
}
