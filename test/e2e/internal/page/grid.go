// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"regexp"
	"strings"
	"text/tabwriter"
)

// column matches a heading of kubectl with the spaces behind it. Headings have words with
// one space between them, such as NEXT RUN.
var column = regexp.MustCompile(`\S+( \S+)*\s*`)

// age matches a cell that says how long ago something was.
var age = regexp.MustCompile(`^(\d+[ydhms])+$`)

// Grid makes what kubectl printed as a table stable. What Stable replaces has another
// width, so the columns are aligned again. Cells may be empty.
func Grid(printed string, stable *Stable) string {
	lines := strings.Split(strings.TrimRight(printed, "\n"), "\n")
	columns := column.FindAllStringIndex(lines[0], -1)
	var text strings.Builder
	aligned := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	for _, line := range lines {
		_, _ = aligned.Write([]byte(strings.Join(cells(line, columns, stable), "\t") + "\n"))
	}
	_ = aligned.Flush()
	return withoutTrailingSpaces(text.String())
}

// cells cuts a line at the columns. The last one extends to the end of the line.
func cells(line string, columns [][]int, stable *Stable) []string {
	runes := []rune(line)
	found := make([]string, len(columns))
	for i, at := range columns {
		begin, end := min(at[0], len(runes)), len(runes)
		if i+1 < len(columns) {
			end = min(columns[i+1][0], len(runes))
		}
		found[i] = age.ReplaceAllString(stable.Text(strings.TrimSpace(string(runes[begin:end]))), "12s")
	}
	return found
}

func withoutTrailingSpaces(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}
