// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import "testing"

// TestSegmentEnd has the names that PostgreSQL gives to what it archives.
func TestSegmentEnd(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		size     int64
		timeline int32
		end      uint64
	}{
		"000000010000000000000005":                 {16 << 20, 1, 0x6000000},
		"0000000100000000000000FF":                 {16 << 20, 1, 0x100000000},
		"0000000A0000000300000000":                 {16 << 20, 10, 0x301000000},
		"000000010000000100000003":                 {64 << 20, 1, 0x110000000},
		"000000010000000000000005.00000028.backup": {16 << 20, 1, 0x6000000},
		"000000020000000000000005.partial":         {16 << 20, 2, 0x5000000},
		"00000002.history":                         {},
		"":                                         {},
		"00000001000000000000000Z":                 {},
		"000000010000000000000005.gz":              {},
	} {
		timeline, end, ok := segmentEnd(name, want.size)
		if ok != (want.end > 0) || timeline != want.timeline || end != want.end {
			t.Errorf("%q ends at %d %X %v, want %d %X", name, timeline, end, ok, want.timeline, want.end)
		}
	}
	for lsn, want := range map[string]uint64{"0/3000148": 0x3000148, "A/0": 0xA00000000, "FFFFFFFF/FFFFFFFF": 1<<64 - 1, "0": 0, "x/y": 0, "": 0} {
		if at, ok := position(lsn); ok != (want > 0) || ok && at != want {
			t.Errorf("%q is %X %v, want %X", lsn, at, ok, want)
		}
	}
}
