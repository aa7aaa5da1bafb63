// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argoui

import (
	"fmt"
	"strings"
)

// The generated part of the page is between these two lines.
const (
	begin = "<!-- The story argo-ui writes from here: make test-full RUN='^argo-ui$' UPDATE=1 FORCE=1 -->\n"
	end   = "<!-- to here -->\n"
)

// Page is the generated part of a page of the documentation.
type Page struct {
	text strings.Builder
}

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

// Into replaces the generated part of a document.
func (p *Page) Into(document string, stable *Stable) (string, error) {
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
