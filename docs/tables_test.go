// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTables checks every table. A viewer shows a table with a blank line in it as a
// table and some text, it drops cells without a column, and nobody finds the second
// of two rows with one key.
func TestTables(t *testing.T) {
	found := 0
	for _, file := range documents(t) {
		tables := tablesOf(readFile(t, file))
		found += len(tables)
		for _, table := range tables {
			for _, mistake := range table.mistakes() {
				t.Errorf("%s: %s", file, mistake)
			}
		}
	}
	if found < 50 {
		t.Fatalf("found %d tables, which cannot be all", found)
	}
}

// TestTableMistakes shows that TestTables finds each kind of mistake.
func TestTableMistakes(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"good":              {"| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | `x \\| y` |", ""},
		"a blank line":      {"| a | b |\n|---|---|\n| 1 | 2 |\n\n| 3 | 4 |", "no heading"},
		"a cell too many":   {"| a | b |\n|---|---|\n| 1 | 2 | 3 |", "3 cells"},
		"a cell too few":    {"| a | b |\n|---|---|\n| 1 |", "1 cells"},
		"a bar in code":     {"| a | b |\n|---|---|\n| 1 | `x | y` |", "3 cells"},
		"a row twice":       {"| a | b |\n|---|---|\n| 1 | 2 |\n| 1 | 2 |", "twice"},
		"a key twice":       {"| a | b |\n|---|---|\n| `1` | 2 |\n| `1` | 3 |", "twice"},
		"no key":            {"|  | b |\n|---|---|\n| 1 | 2 |\n| 1 | 3 |", ""},
		"not closed":        {"| a | b |\n|---|---|\n| 1 | 2", "does not end"},
		"a table of a list": {"- x\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |", ""},
		"in a code block":   {"```\n| a |\n```", ""},
	} {
		var all []string
		for _, table := range tablesOf(tc.text) {
			all = append(all, table.mistakes()...)
		}
		got := strings.Join(all, "; ")
		if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

// TestRunbookRowsDiffer checks that no two rows of the runbook, in whatever tables,
// advise the same: a second place with the same words is not changed with the first.
// It refers to the first instead.
func TestRunbookRowsDiffer(t *testing.T) {
	tables := tablesOf(readFile(t, filepath.Join(root, "docs", "runbook.md")))
	if len(tables) < 40 {
		t.Fatalf("found %d tables, which cannot be all", len(tables))
	}
	for _, mistake := range alike(tables) {
		t.Error("docs/runbook.md: " + mistake)
	}
}

// TestAlike shows that TestRunbookRowsDiffer finds what it is for.
func TestAlike(t *testing.T) {
	const head = "| message | do |\n|---|---|\n"
	for name, tc := range map[string]struct {
		text string
		want int
	}{
		"different rows":              {head + "| a | x |\n\ntext\n\n" + head + "| a | y |", 0},
		"alike in one table":          {head + "| a | x |\n| b | x |", 1},
		"alike in two tables":         {head + "| a | x |\n\ntext\n\n" + head + "| b | x |", 1},
		"alike three times":           {head + "| a | x |\n| b | x |\n| c | x |", 2},
		"headings may be alike":       {head + "| a | x |\n\ntext\n\n" + head + "| b | y |", 0},
		"the message is not compared": {head + "| a | x |\n\ntext\n\n" + head + "| a | y |", 0},
	} {
		if got := alike(tablesOf(tc.text)); len(got) != tc.want {
			t.Errorf("%s: got %q, want %d", name, got, tc.want)
		}
	}
}

// alike finds rows whose last cell another row has, too.
func alike(tables []table) []string {
	var found []string
	first := map[string]int{}
	for _, table := range tables {
		for i, row := range table.rows {
			if i < 2 {
				continue // The heading.
			}
			line := table.line + i
			all := cells(row)
			last := all[len(all)-1]
			if other, ok := first[last]; ok {
				found = append(found, fmt.Sprintf("line %d: the row advises the same as line %d, refer to it: %q", line, other, last))
				continue
			}
			first[last] = line
		}
	}
	return found
}

// table is a sequence of lines that begin with a bar, with the number of the first.
type table struct {
	line int
	rows []string
}

func tablesOf(text string) []table {
	var tables []table
	fenced, open := false, false
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced || !strings.HasPrefix(line, "|") {
			open = false
			continue
		}
		if !open {
			tables = append(tables, table{line: i + 1})
		}
		open = true
		last := &tables[len(tables)-1]
		last.rows = append(last.rows, line)
	}
	return tables
}

var delimiter = regexp.MustCompile(`^\|( *:?-+:? *\|)+$`)

func (table table) mistakes() []string {
	var found []string
	complain := func(row int, format string, args ...any) {
		found = append(found, fmt.Sprintf("line %d: ", table.line+row)+fmt.Sprintf(format, args...))
	}
	if len(table.rows) < 2 || !delimiter.MatchString(table.rows[1]) {
		complain(0, "the table has no heading: is there a blank line above it?")
		return found
	}
	heading := cells(table.rows[0])
	columns := len(heading)
	seen := map[string]int{}
	for i, row := range table.rows {
		if !strings.HasSuffix(row, "|") {
			complain(i, "the row does not end with a bar")
			continue
		}
		if got := len(cells(row)); got != columns {
			complain(i, "the row has %d cells, the table %d columns", got, columns)
		}
		if i < 2 || heading[0] == "" {
			continue // A column without a heading holds no keys.
		}
		if first, ok := seen[cells(row)[0]]; ok {
			complain(i, "%q appears twice, first in line %d", cells(row)[0], table.line+first)
		}
		seen[cells(row)[0]] = i
	}
	return found
}

// cells splits a row. A bar ends a cell even in code, unless it is escaped.
func cells(row string) []string {
	row = strings.ReplaceAll(row, `\|`, "\x00")
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(row, "|"), "|"), "|")
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
	}
	return parts
}
