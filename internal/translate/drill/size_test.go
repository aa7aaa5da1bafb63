// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import "testing"

// A volume always has room, never much more than needed, and grows in steps of a tenth.
func TestSize(t *testing.T) {
	t.Parallel()
	const gibibyte = int64(1) << 30
	last, steps := int64(0), 0
	for bytes := int64(0); bytes < 4_000*gibibyte; bytes += bytes/200 + gibibyte/50 {
		q := size(bytes)
		got, needed := q.Value(), bytes/10*13
		if got < needed || got < gibibyte {
			t.Fatalf("%d bytes get a volume of %d", bytes, got)
		}
		if needed > gibibyte && got > needed/100*112 {
			t.Fatalf("%d bytes get a volume of %d, a tenth more than needed is enough", bytes, got)
		}
		if got != last {
			last = got
			steps++
		}
	}
	// log(5200) / log(1.1) is 89.8.
	if steps < 85 || steps > 92 {
		t.Errorf("%d sizes up to 4000Gi", steps)
	}
}
