// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fingerprint

import "testing"

func TestOf(t *testing.T) {
	t.Parallel()
	if got := Of(); len(got) != Length {
		t.Errorf("Of() = %q, want %d characters", got, Length)
	}
	seen := map[string][]string{}
	for _, list := range [][]string{{}, {""}, {"a", "b"}, {"ab"}, {"b", "a"}, {"a", "b", ""}, {"1:a"}, {"a1:b"}} {
		f := Of(list...)
		if other, ok := seen[f]; ok {
			t.Errorf("%q and %q have the same fingerprint", list, other)
		}
		seen[f] = list
	}
}
