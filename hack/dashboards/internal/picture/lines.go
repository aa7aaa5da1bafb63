// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"image/color"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/record"
)

const legendHeight = vg.Length(13)

// line is a series of a panel with its legend.
type line struct {
	legend string
	values []record.Point
}

// drawLines draws the series of a panel over time, and their legend below.
func drawLines(c draw.Canvas, panel record.Panel, r record.Recording) error {
	p := plot.New()
	p.BackgroundColor = white
	p.X.Min, p.X.Max = 0, r.End.Sub(r.Start).Seconds()
	p.X.Tick.Marker = clock{from: r.Start, to: r.End}
	p.Y.Tick.Marker = inUnit(panel.FieldConfig.Defaults.Unit)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = frame, frame
		axis.Tick.Label = mono(7, pale)
	}
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	grid := plotter.NewGrid()
	grid.Vertical.Width, grid.Horizontal.Color = 0, frame
	p.Add(grid)
	all := linesOf(panel, r)
	for i, one := range all {
		if err := addLine(p, one, palette[i%len(palette)]); err != nil {
			return err
		}
	}
	// A panel begins at 0, and one whose values are all 0 needs some height.
	p.Y.Min, p.Y.Max = 0, max(p.Y.Max*1.05, smallest(panel.FieldConfig.Defaults.Unit))
	p.Draw(draw.Crop(c, 0, 0, legendHeight, 0))
	drawLegend(c, all)
	return nil
}

func linesOf(panel record.Panel, r record.Recording) []line {
	var all []line
	for _, target := range panel.Targets {
		var some []line
		for _, series := range r.Answers[target.Expr] {
			some = append(some, line{series.Legend(target.Legend), series.Values})
		}
		slices.SortFunc(some, func(a, b line) int { return strings.Compare(a.legend, b.legend) })
		all = append(all, some...)
	}
	return all
}

func addLine(p *plot.Plot, one line, of color.Color) error {
	points := make(plotter.XYs, len(one.values))
	for i, point := range one.values {
		points[i] = plotter.XY{X: point[0], Y: point[1]}
	}
	drawn, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	drawn.Color, drawn.Width = of, 1.4
	p.Add(drawn)
	return nil
}

func drawLegend(c draw.Canvas, all []line) {
	text := style(7.5, ink, false)
	x := c.Min.X
	for i, one := range all {
		if x+18+text.Width(one.legend) > c.Max.X {
			c.FillText(style(7.5, pale, false), vg.Point{X: x, Y: c.Min.Y}, "…")
			return
		}
		c.StrokeLine2(draw.LineStyle{Color: palette[i%len(palette)], Width: 2}, x, c.Min.Y+3, x+9, c.Min.Y+3)
		c.FillText(text, vg.Point{X: x + 12, Y: c.Min.Y}, one.legend)
		x += 22 + text.Width(one.legend)
	}
}

// clock labels an axis of seconds with the time of day.
type clock struct{ from, to time.Time }

// Ticks implements plot.Ticker.
func (k clock) Ticks(_, _ float64) []plot.Tick {
	steps := []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour}
	step := steps[len(steps)-1]
	for _, s := range steps {
		if k.to.Sub(k.from)/s <= 6 {
			step = s
			break
		}
	}
	var ticks []plot.Tick
	for at := k.from.Truncate(step).Add(step); !at.After(k.to); at = at.Add(step) {
		ticks = append(ticks, plot.Tick{Value: at.Sub(k.from).Seconds(), Label: at.UTC().Format("15:04")})
	}
	return ticks
}

// inUnit labels an axis with values of a unit.
type inUnit string

// Ticks implements plot.Ticker.
func (u inUnit) Ticks(_, high float64) []plot.Tick {
	step := round(high/3, string(u))
	var ticks []plot.Tick
	for value := 0.0; value <= high; value += step {
		ticks = append(ticks, plot.Tick{Value: value, Label: write(value, string(u))})
	}
	return ticks
}

// smallest is the least that the axis of a unit shows.
func smallest(unit string) float64 {
	switch unit {
	case unitSeconds:
		return 60
	case unitBytes:
		return 1024
	}
	return 1
}
