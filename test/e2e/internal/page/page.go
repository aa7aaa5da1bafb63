// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"strings"
)

// The part of a document that a story writes is between two lines: this one, with the name
// of the story, and end.
const (
	begin = "<!-- The story %[1]s writes from here: make test-full RUN='^%[1]s$' UPDATE=1 FORCE=1 -->\n"
	end   = "<!-- to here -->\n"
)

// Page is the part of a page of the documentation that a story writes.
type Page struct {
	story string
	text  strings.Builder
}

// New returns an empty Page of a story.
func New(story string) *Page { return &Page{story: story} }

// Heading begins a section.
func (p *Page) Heading(level int, title string) {
	p.blank()
	p.text.WriteString(strings.Repeat("#", level) + " " + title + "\n\n")
}

// Say writes a paragraph.
func (p *Page) Say(format string, arguments ...any) {
	p.blank()
	fmt.Fprintf(&p.text, format+"\n", arguments...)
}

// Table writes a table.
func (p *Page) Table(text string) {
	p.blank()
	p.text.WriteString(text)
}

// Block writes text as it is.
func (p *Page) Block(text string) {
	p.blank()
	p.text.WriteString("```text\n" + strings.TrimRight(text, "\n") + "\n```\n")
}

// Add writes what another page has.
func (p *Page) Add(other *Page) {
	p.blank()
	p.text.WriteString(other.text.String())
}

// blank separates what follows from what was written.
func (p *Page) blank() {
	if text := p.text.String(); text != "" && !strings.HasSuffix(text, "\n\n") {
		p.text.WriteString("\n")
	}
}

// Into replaces what the story wrote into a document before.
func (p *Page) Into(document string, stable *Stable) (string, error) {
	begin := fmt.Sprintf(begin, p.story)
	before, rest, ok := strings.Cut(document, begin)
	if !ok {
		return "", fmt.Errorf("the document has no line %q", begin)
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("the document has no line %q", end)
	}
	return before + begin + "\n" + strings.TrimSpace(stable.Text(p.text.String())) + "\n\n" + end + after, nil
}

// Rows gives rows as a table of Markdown; the first is the head.
func Rows(rows [][]string) string {
	var b strings.Builder
	for n, cells := range rows {
		for _, cell := range cells {
			b.WriteString("| " + strings.ReplaceAll(strings.ReplaceAll(cell, "|", "\\|"), "\n", "<br>") + " ")
		}
		b.WriteString("|\n")
		if n == 0 {
			b.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
		}
	}
	return b.String()
}
