// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/record"
)

// states are what the values of a timeline mean; package board maps them so.
var states = []struct {
	name string
	of   color.Color
}{{"True", named["green"]}, {"Unknown", named["yellow"]}, {"False", named["red"]}}

// wordColours are those of words in a table, as package board maps them.
var wordColours = map[string]color.Color{
	"True": named["green"], "Unknown": named["yellow"], "False": named["red"],
	"Succeeded": named["green"], "Held": named["yellow"], "Failed": named["red"],
}

// drawTimeline draws a bar for each series, in the colours of its states.
func drawTimeline(c draw.Canvas, panel record.Panel, r record.Recording) error {
	all := linesOf(panel, r)
	text := style(8, ink, false)
	left := vg.Length(0)
	for _, one := range all {
		left = max(left, text.Width(one.legend))
	}
	left = min(left, c.Size().X/4)
	bars := draw.Crop(c, left+8, 0, legendHeight, 0)
	height := min(bars.Size().Y/vg.Length(len(all)), 24)
	for i, one := range all {
		top := bars.Max.Y - vg.Length(i)*height
		c.FillText(text, vg.Point{X: c.Min.X, Y: top - height/2 - 3}, cut(one.legend, text, left))
		drawBar(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: bars.Min.X, Y: top - height + 2}, Max: vg.Point{X: bars.Max.X, Y: top - 2},
		}}, one.values, r.End.Sub(r.Start).Seconds())
	}
	for _, tick := range (clock{from: r.Start, to: r.End}).Ticks(0, 0) {
		label := mono(7, pale)
		x := bars.X(tick.Value / r.End.Sub(r.Start).Seconds())
		c.FillText(label, vg.Point{X: x - label.Width(tick.Label)/2, Y: c.Min.Y}, tick.Label)
	}
	return nil
}

// drawBar draws the states of one series. A state lasts until the next value.
func drawBar(c draw.Canvas, values []record.Point, whole float64) {
	for first := 0; first < len(values); {
		last := first
		for last+1 < len(values) && values[last+1][1] == values[first][1] {
			last++
		}
		end := whole
		if last+1 < len(values) {
			end = values[last+1][0]
		}
		state := states[min(max(int(values[first][1]), 0), len(states)-1)]
		bar := vg.Rectangle{Min: vg.Point{X: c.X(values[first][0] / whole), Y: c.Min.Y}, Max: vg.Point{X: c.X(end / whole), Y: c.Max.Y}}
		fill(c, bar, state.of)
		name := style(8, white, true)
		if name.Width(state.name)+6 < bar.Size().X {
			c.FillText(name, vg.Point{X: bar.Min.X + 4, Y: bar.Min.Y + bar.Size().Y/2 - 3}, state.name)
		}
		first = last + 1
	}
}
