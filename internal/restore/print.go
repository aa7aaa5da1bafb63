// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"fmt"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// Print prints an answer for a person.
func Print(p printer.Printer, a Answer) {
	if a.Verdict == Refused {
		printRefusal(p, a)
		return
	}
	tone := printer.Good
	if a.Verdict == NotProven {
		tone = printer.Uncertain
	}
	line(p, tone, "TARGET", fmt.Sprintf("%s, timeline %d. %s: %s.", a.Target, a.Timeline, verdictText(a.Verdict), a.Message))
	line(p, printer.None, "SET", setText(a))
	line(p, printer.None, "TIME", timeText(a))
	line(p, printer.None, "LOST", lostText(a))
	line(p, printer.None, "ROOM", roomText(a))
	for _, note := range a.Notes {
		line(p, printer.Uncertain, "NOTE", note)
	}
	printUnknown(p, a)
	head := "NEXT"
	for i, step := range a.Steps {
		line(p, printer.None, head, fmt.Sprintf("%d. %s", i+1, step.Title))
		for _, command := range step.Commands {
			for text := range strings.Lines(command) {
				line(p, printer.None, "", "     "+strings.TrimRight(text, "\n"))
			}
		}
		head = ""
	}
}

func printRefusal(p printer.Printer, a Answer) {
	line(p, printer.Bad, "REFUSED", a.Reason+": "+a.Message)
	for _, near := range []struct {
		head string
		m    *Moment
	}{{"BEFORE", a.Before}, {"AFTER", a.After}} {
		text := "no moment can be restored"
		if near.m != nil {
			text = near.m.Time
			if near.m.Verdict == NotProven {
				text += " can be in the archive, which is not proven"
			} else {
				text += " can be restored"
			}
		}
		line(p, printer.None, near.head, text)
	}
	printUnknown(p, a)
}

func printUnknown(p printer.Printer, a Answer) {
	for _, sentence := range a.Unknown {
		line(p, printer.Uncertain, "UNKNOWN", sentence)
	}
}

// line prints a head and a text. What a cluster says is not trusted with the terminal.
func line(p printer.Printer, tone printer.Tone, head, text string) {
	p.Line(tone, "%s", strings.TrimRight(fmt.Sprintf("%-9s%s", head, printer.Clean(text)), " "))
}

func verdictText(v Verdict) string {
	if v == NotProven {
		return "Not proven"
	}
	return string(v)
}

func setText(a Answer) string {
	where := a.SetRepo
	if a.Location != "" {
		where += " (" + a.Location + ")"
	}
	text := fmt.Sprintf("%s in %s, %d WAL segments %s to %s, all there", a.Set, where, a.WAL.Segments, a.WAL.First, a.WAL.Last)
	if a.WAL.Segments == 1 {
		text = fmt.Sprintf("%s in %s, WAL segment %s, which is there", a.Set, where, a.WAL.First)
	}
	if len(a.AlsoIn) > 0 {
		text += ". " + strings.Join(a.AlsoIn, " and ") + " would do, too"
	}
	return text
}

func timeText(a Answer) string {
	if a.Time == nil {
		return "not known: no drill of this cluster was measured"
	}
	var days []string
	for _, drill := range a.Time.Drills {
		days = append(days, drill.UTC().Format("2 Jan"))
	}
	const few = 5
	if len(days) > few {
		days = append(days[:few], "…")
	}
	total := a.Time.RestoreSeconds + a.Time.ReplaySeconds
	spread := ""
	if len(days) > 1 {
		spread = fmt.Sprintf(", between %s and %s", span(a.Time.LowSeconds), span(a.Time.HighSeconds))
	}
	return fmt.Sprintf("about %s (restore %s, replay %s%s; drills of %s)", span(total), span(a.Time.RestoreSeconds), span(a.Time.ReplaySeconds), spread, strings.Join(days, ", "))
}

func span(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

func lostText(a Answer) string {
	var parts []string
	switch {
	case a.Target == "latest":
		parts = append(parts, "what is not archived")
	case a.Lost.Seconds != nil:
		parts = append(parts, span(*a.Lost.Seconds)+" of commits, about "+report.FormatBytes(a.Lost.WALBytes)+" of WAL")
	default:
		parts = append(parts, "what was committed later, about "+report.FormatBytes(a.Lost.WALBytes)+" of WAL in the archive")
	}
	switch {
	case a.Lost.Slots == nil:
		parts = append(parts, "the replication slots, whose names are not known")
	case len(a.Lost.Slots) > 0:
		parts = append(parts, "the slots "+strings.Join(a.Lost.Slots, ", ")+", whose subscribers are then ahead")
	}
	return strings.Join(parts, "; ") + "; nothing of the backups. Passwords are those of the target"
}

func roomText(a Answer) string {
	text := "needs " + report.FormatBytes(a.Room.Need) + " beside the old directory"
	if a.Room.Free != nil {
		return text + ", free " + report.FormatBytes(*a.Room.Free)
	}
	return text + ", and how much is free is not known"
}
