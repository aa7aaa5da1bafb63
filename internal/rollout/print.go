// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
)

var outcomeTones = map[Outcome]printer.Tone{Failed: printer.Bad, Gone: printer.Uncertain}

// PrintResult prints what became of a namespace, as soon as it is known.
func PrintResult(p printer.Printer, r Result, dryRun bool) {
	text := r.text()
	if dryRun && r.Problem == "" {
		if len(r.Fields) > 0 {
			text = few(r.Fields)
		}
		text += " (server dry run)"
	}
	name := r.Namespace
	if name == "" {
		name = "(no namespace)"
	}
	p.Line(outcomeTones[r.Outcome], "%-20s  %-10s  %s", name, r.Outcome, text)
}

// text is what a person reads of a result, in one line.
func (r Result) text() string {
	if r.Problem != "" {
		done := slices.Concat(r.Created, r.Configured)
		if r.Outcome == Failed && len(done) > 0 {
			return r.Problem + "; applied before that: " + few(done)
		}
		return r.Problem
	}
	var parts []string
	created, unchanged := len(r.Created), r.Unchanged
	switch {
	case len(r.Configured) > 0:
		parts = append(parts, few(r.Configured))
	case created > 0:
		parts, created = append(parts, objects(created)), 0
	default:
		parts, unchanged = append(parts, objects(unchanged)), 0
	}
	if created > 0 {
		parts = append(parts, fmt.Sprintf("%d created", created))
	}
	if unchanged > 0 {
		parts = append(parts, fmt.Sprintf("%d unchanged", unchanged))
	}
	return strings.Join(parts, ", ")
}

// objects is a number with its noun.
func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// Summary counts what became of the namespaces.
func Summary(results []Result) string {
	counts, all := map[Outcome]int{}, 0
	for _, r := range results {
		if r.Namespace != "" {
			counts[r.Outcome]++
			all++
		}
	}
	var parts []string
	for _, outcome := range []Outcome{Outcome(Created), Outcome(Configured), Outcome(Unchanged), Gone, Failed} {
		if counts[outcome] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[outcome], outcome))
		}
	}
	noun := "namespaces"
	if all == 1 {
		noun = "namespace"
	}
	return fmt.Sprintf("%d %s: %s", all, noun, strings.Join(parts, ", "))
}

// FailedIn counts the namespaces that do not have the bundle.
func FailedIn(results []Result) int {
	failures := 0
	for _, r := range results {
		if r.Outcome == Failed {
			failures++
		}
	}
	return failures
}

var standingTones = map[Standing]printer.Tone{
	Current: printer.Good, Missing: printer.Bad, Incomplete: printer.Bad, Behind: printer.Uncertain, Ahead: printer.Uncertain,
	Changed: printer.Uncertain, Different: printer.Uncertain, NotKnown: printer.Uncertain,
}

// StateTable has a namespace in each row.
func StateTable(states []State) printer.Table {
	t := printer.Table{Columns: []printer.Column{
		{Name: "namespace"}, {Name: "state"}, {Name: "release"}, {Name: "contracts"}, {Name: "managed by"}, {Name: "problem"}, {Name: "fields", Wide: true},
	}}
	for _, s := range states {
		row := printer.Cells(s.Namespace, string(s.Standing), s.Release, strings.Join(s.Contracts, ","), strings.Join(s.Managers, ","), s.Problem, strings.Join(s.Fields, ", "))
		row[1].Tone = standingTones[s.Standing]
		t.Rows = append(t.Rows, row)
	}
	return t
}
