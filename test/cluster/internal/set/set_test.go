// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package set

import (
	"strings"
	"testing"
)

func TestIncludes(t *testing.T) {
	t.Parallel()
	const optIn Set = "opt-in"
	cases := []struct {
		cluster, row Set
		want         bool
	}{
		{Demo, Demo, true},
		{Demo, All, false},
		{Demo, optIn, false},
		{All, Demo, true},
		{All, All, true},
		{All, optIn, false}, // What has its own set is never there by default.
		{optIn, Demo, true},
		{optIn, All, false},
		{optIn, optIn, true},
	}
	for _, c := range cases {
		if got := c.cluster.Includes(c.row); got != c.want {
			t.Errorf("a cluster for %s gets a row of %s: %t, want %t", c.cluster, c.row, got, c.want)
		}
	}
}

func TestFlag(t *testing.T) {
	t.Parallel()
	s := All
	if err := s.Set("demo"); err != nil || s != Demo {
		t.Errorf("demo: %s, %v", s, err)
	}
	if err := s.Set("Demo"); err == nil || !strings.Contains(err.Error(), "demo, all") {
		t.Errorf("err = %v, want one that lists the sets", err)
	}
}
