// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"image/color"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	paper = color.RGBA{R: 0xf4, G: 0xf5, B: 0xf5, A: 0xff}
	white = color.RGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
	ink   = color.RGBA{R: 0x24, G: 0x29, B: 0x2e, A: 0xff}
	pale  = color.RGBA{R: 0x70, G: 0x78, B: 0x80, A: 0xff}
	frame = color.RGBA{R: 0xdc, G: 0xde, B: 0xe0, A: 0xff}
)

// named are the colours that package board names, as Grafana's light theme has them.
var named = map[string]color.Color{
	"green": color.RGBA{R: 0x2e, G: 0x8b, B: 0x57, A: 0xff}, "yellow": color.RGBA{R: 0xe0, G: 0xa8, B: 0x1c, A: 0xff},
	"red": color.RGBA{R: 0xc4, G: 0x16, B: 0x2a, A: 0xff}, "blue": color.RGBA{R: 0x1f, G: 0x60, B: 0xc4, A: 0xff}, "text": ink,
}

// palette has the colours of lines, one after the other.
var palette = []color.Color{
	named["blue"], named["yellow"], named["red"], named["green"],
	color.RGBA{R: 0x8f, G: 0x3b, B: 0xb8, A: 0xff},
	color.RGBA{R: 0x0e, G: 0x8a, B: 0x9c, A: 0xff},
	color.RGBA{R: 0xd6, G: 0x6a, B: 0x1f, A: 0xff},
	color.RGBA{R: 0x5b, G: 0x5b, B: 0x9e, A: 0xff},
}

// style is a text of a size and a colour, from its left end on its baseline.
func style(size vg.Length, c color.Color, bold bool) draw.TextStyle {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return draw.TextStyle{Color: c, Font: f, Handler: plot.DefaultTextHandler}
}

// mono is style for a number on an axis: digits of the same width.
func mono(size vg.Length, c color.Color) draw.TextStyle {
	s := style(size, c, false)
	s.Font.Variant = "Mono"
	return s
}

// cut shortens a text to a width.
func cut(text string, s draw.TextStyle, width vg.Length) string {
	if s.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && s.Width(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// fill paints a rectangle.
func fill(c draw.Canvas, r vg.Rectangle, of color.Color) {
	c.FillPolygon(of, []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}})
}

// outline draws the border of a rectangle.
func outline(c draw.Canvas, r vg.Rectangle) {
	c.StrokeLines(draw.LineStyle{Color: frame, Width: 0.75},
		[]vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}, r.Min})
}
