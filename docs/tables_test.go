// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"fmt"
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
	columns := len(cells(table.rows[0]))
	seen := map[string]int{}
	for i, row := range table.rows {
		if !strings.HasSuffix(row, "|") {
			complain(i, "the row does not end with a bar")
			continue
		}
		if got := len(cells(row)); got != columns {
			complain(i, "the row has %d cells, the table %d columns", got, columns)
		}
		if i < 2 {
			continue
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
