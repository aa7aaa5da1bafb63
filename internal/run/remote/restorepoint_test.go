// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"strings"
	"testing"
	"time"
)

func TestRestorePointStatement(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 2, 0, 0, 7_999_999, time.FixedZone("Vienna", 3600))
	statement, name, err := RestorePointStatement("release", at)
	if want := "release-20260301T010000.007Z"; name != want || err != nil || !strings.Contains(statement, "pg_create_restore_point('"+want+"')") {
		t.Errorf("name %q, statement %q, %v; want %q", name, statement, err, want)
	}
	if strings.Contains(statement, "\n") {
		t.Error("the statement has several lines, which the policy does not compare")
	}
	// 63 bytes is what PostgreSQL takes.
	if _, name, err := RestorePointStatement(strings.Repeat("x", 42), at); len(name) != 63 || err != nil {
		t.Errorf("%q has %d bytes, %v", name, len(name), err)
	}
	for _, prefix := range []string{"", strings.Repeat("x", 43), "a b", "a'b", `a\b`, "a\n", "-a", ".a", "_a", "ä", "a;b", "a\x00"} {
		if statement, _, err := RestorePointStatement(prefix, at); err == nil {
			t.Errorf("%q is taken: %s", prefix, statement)
		}
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	for segment, want := range map[string]int{"0000001000000000000000A3": 16, "FFFFFFFF00000000000000A3": 1<<32 - 1} {
		if got, err := (RestorePoint{Segment: segment}).Timeline(); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", segment, got, err, want)
		}
	}
	for _, segment := range []string{"", "00000001", "0000000G0000000000000001"} {
		if got, err := (RestorePoint{Segment: segment}).Timeline(); err == nil {
			t.Errorf("%q has timeline %d", segment, got)
		}
	}
}
