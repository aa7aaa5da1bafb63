// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPageReplacesOnlyItsPart(t *testing.T) {
	t.Parallel()
	const first = "<!-- The story argo-ui writes from here: make test-full RUN='^argo-ui$' UPDATE=1 FORCE=1 -->\n"
	p := New("argo-ui")
	p.Heading(2, "The list")
	p.Say("%d runs.", 2)
	got, err := p.Into("by hand\n"+first+"old\n"+end+"more by hand\n", NewStable())
	want := "by hand\n" + first + "\n## The list\n\n2 runs.\n\n" + end + "more by hand\n"
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Into = %v (-want +got):\n%s", err, diff)
	}
	if _, err := p.Into("by hand\n", NewStable()); err == nil {
		t.Error("a document without the lines was accepted")
	}
	if _, err := New("situations").Into(got, NewStable()); err == nil {
		t.Error("the part of another story was replaced")
	}
}

// TestGridIgnoresWidths gives the same table twice, with cells that differ in what Stable
// replaces and so in their widths.
func TestGridIgnoresWidths(t *testing.T) {
	t.Parallel()
	one := Grid(strings.Join([]string{
		"NAME      SCHEDULE           RESULT      RPO     AGE",
		"cluster   full 0 0 1 1 *     Succeeded           5m12s",
		"other     incr * * * * *                 <none>  9s",
	}, "\n"), NewStable())
	two := Grid(strings.Join([]string{
		"NAME      SCHEDULE         RESULT      RPO      AGE",
		"cluster   full 0 0 1 1 *   Succeeded            35s",
		"other     incr * * * * *               <none>   1h2m",
	}, "\n"), NewStable())
	want := `NAME      SCHEDULE         RESULT      RPO      AGE
cluster   full 0 0 1 1 *   Succeeded            12s
other     incr * * * * *               <none>   12s
`
	for _, got := range []string{one, two} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestTookIsNotCompared(t *testing.T) {
	t.Parallel()
	old := "| healthy | Ready | " + Took(35_000_000_000) + " |\n"
	fresh := "| healthy | Ready | " + Took(200_000_000_000) + " |\n"
	if old == fresh {
		t.Fatal("the page does not say how long it took")
	}
	if got := KeepTook(fresh, old); got != old {
		t.Errorf("only the time differs: got %q, want %q", got, old)
	}
	if other := strings.Replace(fresh, "Ready", "Overdue", 1); KeepTook(other, old) != other {
		t.Error("another fact was hidden with the time")
	}
}
