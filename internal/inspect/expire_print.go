// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"maps"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
)

// PrintRetention prints what the retention of each repo does, for a person.
func PrintRetention(p printer.Printer, repos []RepoRetention) error {
	for i, r := range repos {
		if i > 0 {
			p.Line(printer.None, "")
		}
		if r.Unknown != "" {
			p.Line(printer.Uncertain, "%s: not known: %s", r.Repo, r.Unknown)
			continue
		}
		p.Line(printer.None, "%s, %s", r.Repo, r.After)
		p.Line(printer.None, "retention: %s", r.optionText())
		if err := p.Print(r.table()); err != nil {
			return err
		}
		p.Line(printer.None, "recoverable after that: %s", r.Recoverable)
		for _, note := range r.Notes {
			p.Line(printer.Uncertain, "note: %s", note)
		}
	}
	return nil
}

func (r RepoRetention) optionText() string {
	if len(r.Options) == 0 {
		return "none is set"
	}
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(r.Options)) {
		texts = append(texts, name+"="+r.Options[name])
	}
	return strings.Join(texts, ", ")
}

func (r RepoRetention) table() printer.Table {
	t := printer.Table{Columns: []printer.Column{{Name: "backup"}, {Name: "type"}, {Name: "stopped"}, {Name: "fate"}, {Name: "because, or restorable to"}}}
	for _, b := range r.Backups {
		fate := printer.Cell{Text: "kept", Tone: printer.Good}
		if b.Removed {
			fate = printer.Cell{Text: "removed", Tone: printer.Bad}
		}
		t.Rows = append(t.Rows, append(printer.Cells(b.Label, b.Type, stamp(b.StopTime)), fate, printer.Cell{Text: b.Why}))
	}
	return t
}
