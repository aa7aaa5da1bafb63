// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/record"
)

// drawNumber writes the number of a panel in the middle, in the colour of its threshold.
func drawNumber(c draw.Canvas, panel record.Panel, r record.Recording) error {
	value := r.Answers[panel.Targets[0].Expr][0].Last()
	text := write(value, panel.FieldConfig.Defaults.Unit)
	large := style(24, threshold(panel, value), true)
	large.Font.Size *= min(1, (c.Size().X-8)/large.Width(text))
	middle := c.Center()
	c.FillText(large, vg.Point{X: middle.X - large.Width(text)/2, Y: middle.Y - large.Font.Size/3}, text)
	return nil
}

// threshold is the colour of a value.
func threshold(panel record.Panel, value float64) color.Color {
	found := named["text"]
	for _, step := range panel.FieldConfig.Defaults.Thresholds.Steps {
		if step.Value == nil || value >= *step.Value {
			found = named[step.Color]
		}
	}
	return found
}
