// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package printer

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var table = Table{
	Columns: []Column{{Name: "cluster"}, {Name: "ready"}, {Name: "uid", Wide: true}, {Name: "problem"}},
	Rows: [][]Cell{
		{{Text: "orders"}, {Text: "False", Tone: Bad}, {Text: "1"}, {Text: "a\x1b[2Jb\nc"}},
		{{Text: "customers-of-the-shop"}, {Text: "True", Tone: Good}, {Text: "2"}, {}},
	},
}

func printed(t *testing.T, p Printer) string {
	t.Helper()
	var out strings.Builder
	p.Out = &out
	if err := p.Print(table); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPrint(t *testing.T) {
	t.Parallel()
	want := `CLUSTER                 READY   PROBLEM
orders                  False   a?[2Jb c
customers-of-the-shop   True
`
	if diff := cmp.Diff(want, printed(t, Printer{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = `CLUSTER                 READY   UID   PROBLEM
orders                  False   1     a?[2Jb c
customers-of-the-shop   True    2
`
	if diff := cmp.Diff(want, printed(t, Printer{Format: Wide})); diff != "" {
		t.Errorf("wide (-want +got):\n%s", diff)
	}
}

// TestColoursMoveNoColumn: without its colours a coloured table is the plain one.
func TestColoursMoveNoColumn(t *testing.T) {
	t.Parallel()
	coloured := printed(t, Printer{Colour: true})
	if !strings.Contains(coloured, "\x1b[31mFalse\x1b[0m") || strings.Contains(coloured, "\x1b[2J") {
		t.Errorf("it is\n%q", coloured)
	}
	plain := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(coloured, "")
	var lines []string
	for line := range strings.SplitSeq(plain, "\n") {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	if diff := cmp.Diff(printed(t, Printer{}), strings.Join(lines, "\n")); diff != "" {
		t.Errorf("(-plain +coloured):\n%s", diff)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{JSON: "{\n  \"a\": 1\n}\n", YAML: "a: 1\n"} {
		var out strings.Builder
		if err := (Printer{Out: &out, Format: format}).Encode(map[string]int{"a": 1}); err != nil || out.String() != want {
			t.Errorf("%s is %q, %v", format, out.String(), err)
		}
	}
}
