// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

func TestParseCheck(t *testing.T) {
	t.Parallel()
	want := map[int]CheckedSegment{1: {Name: "00000001000000000000000A", ArchiveID: "15-1"}, 2: {Name: "00000001000000000000000A", ArchiveID: "15-1"}}
	for _, sample := range []string{"check-2.45.txt", "check-2.55.1.txt"} {
		if diff := cmp.Diff(want, ParseCheck(pgbackresttest.Sample(t, sample))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sample, diff)
		}
	}
	for name, text := range map[string]string{
		"nothing":            "",
		"no repo":            "WAL segment 00000001000000000000000A successfully archived to '/r/archive/db/15-1/0000000100000000/x' on",
		"no segment":         "WAL segment successfully archived to '/r/archive/db/15-1/0000000100000000/x' on repo1",
		"another directory":  "WAL segment 00000001000000000000000A successfully archived to '/r/15-1/x' on repo1",
		"it is not archived": "WAL segment 00000001000000000000000A was not archived before the 60000ms timeout",
	} {
		if seen := ParseCheck([]byte(text)); len(seen) > 0 {
			t.Errorf("%s: %v", name, seen)
		}
	}
	// Without a path in front, as with a store whose repo1-path is /.
	root := "WAL segment 00000002000000000000000A successfully archived to '/archive/db/17-2/0000000200000000/00000002000000000000000A-aa8d.gz' on repo3"
	if diff := cmp.Diff(map[int]CheckedSegment{3: {Name: "00000002000000000000000A", ArchiveID: "17-2"}}, ParseCheck([]byte(root))); diff != "" {
		t.Errorf("at the root of a store (-want +got):\n%s", diff)
	}
}

func TestRestoreText(t *testing.T) {
	t.Parallel()
	const want = "pgbackrest restore --stanza=db --repo=2 --set=20261122-132826F --type=name --target=predeploy-20261122T140000.000Z --target-timeline=16 --target-action=promote"
	if got := RestoreText("db", 2, "20261122-132826F", RestorePoint{Name: "predeploy-20261122T140000.000Z", Timeline: 16}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
