// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package printer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"sigs.k8s.io/yaml"
)

// Formats of an answer.
const (
	Plain = ""
	Wide  = "wide"
	JSON  = "json"
	YAML  = "yaml"
)

// Formats are those that a person can ask for.
var Formats = []string{JSON, YAML, Wide}

// Tone says how good a cell is.
type Tone int

// Tones. None has the colour of the terminal.
const (
	None Tone = iota
	Good
	Uncertain
	Bad
)

// Colours of a terminal. All are of one length, so that they move no column.
var colours = map[Tone]string{None: "\x1b[39m", Good: "\x1b[32m", Uncertain: "\x1b[33m", Bad: "\x1b[31m"}

const colourOff = "\x1b[0m"

// Printer prints answers.
type Printer struct {
	Out    io.Writer
	Format string
	// Colour is true if Out is a terminal that shows colours.
	Colour bool
}

// Structured reports whether a program reads the answer.
func (p Printer) Structured() bool { return p.Format == JSON || p.Format == YAML }

// Column is a column of a Table.
type Column struct {
	Name string
	// Wide columns are only in the format wide.
	Wide bool
}

// Cell is a text with its tone.
type Cell struct {
	Text string
	Tone Tone
}

// Table is rows below columns.
type Table struct {
	Columns []Column
	Rows    [][]Cell
}

// Cells makes a row of texts without a tone.
func Cells(texts ...string) []Cell {
	row := make([]Cell, 0, len(texts))
	for _, text := range texts {
		row = append(row, Cell{Text: text})
	}
	return row
}

// Encode prints a value for a program.
func (p Printer) Encode(value any) error {
	encode := yaml.Marshal
	if p.Format == JSON {
		encode = func(v any) ([]byte, error) {
			text, err := json.MarshalIndent(v, "", "  ")
			return append(text, '\n'), err
		}
	}
	text, err := encode(value)
	if err != nil {
		return fmt.Errorf("cannot encode the answer: %w", err)
	}
	_, err = p.Out.Write(text)
	return err
}

// List prints the items of a list for a program.
func (p Printer) List(items any) error { return p.Encode(map[string]any{"items": items}) }

// Print prints a table as kubectl does.
func (p Printer) Print(t Table) error {
	const minWidth, padding = 0, 3
	var columns []int
	for i, column := range t.Columns {
		if !column.Wide || p.Format == Wide {
			columns = append(columns, i)
		}
	}
	var aligned bytes.Buffer
	out := tabwriter.NewWriter(&aligned, minWidth, 0, padding, ' ', 0)
	header := make([]Cell, len(t.Columns))
	for i, column := range t.Columns {
		header[i].Text = strings.ToUpper(column.Name)
	}
	for _, row := range append([][]Cell{header}, t.Rows...) {
		var texts []string
		for _, i := range columns {
			texts = append(texts, p.cell(t, row, i))
		}
		_, _ = fmt.Fprintln(out, strings.Join(texts, "\t")) // A buffer takes everything.
	}
	_ = out.Flush()
	for line := range strings.Lines(aligned.String()) {
		if _, err := fmt.Fprintln(p.Out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// cell colours a cell, and with it every other one of its column.
func (p Printer) cell(t Table, row []Cell, i int) string {
	text := Clean(row[i].Text)
	toned := slices.ContainsFunc(t.Rows, func(row []Cell) bool { return row[i].Tone != None })
	if !p.Colour || !toned {
		return text
	}
	return colours[row[i].Tone] + text + colourOff
}

// Line prints a line, coloured as a whole.
func (p Printer) Line(tone Tone, format string, args ...any) {
	text := Clean(fmt.Sprintf(format, args...))
	if p.Colour && tone != None {
		text = colours[tone] + text + colourOff
	}
	_, _ = fmt.Fprintln(p.Out, text)
}

// Clean makes one line of a text without control characters: what stands in the cluster
// could otherwise command the terminal.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
