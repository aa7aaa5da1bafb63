// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"fmt"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/record"
)

// Sizes of the page, in points of 1/72 inch.
const (
	columns      = 24
	columnWidth  = vg.Length(40)
	unitHeight   = vg.Length(22)
	margin       = vg.Length(8)
	gap          = vg.Length(2.5)
	titleHeight  = vg.Length(17)
	headHeight   = vg.Length(30)
	dotsPerInch  = 96
	shortestPage = 10
)

// Draw writes a picture of a dashboard as PNG.
func Draw(out io.Writer, d record.Dashboard, r record.Recording) error {
	if err := r.Complete(d); err != nil {
		return err
	}
	rows := shortestPage
	for _, panel := range d.Panels {
		rows = max(rows, panel.GridPos.Y+panel.GridPos.H)
	}
	width, height := columns*columnWidth+2*margin, vg.Length(rows)*unitHeight+headHeight+2*margin
	image := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dotsPerInch), vgimg.UseBackgroundColor(paper))
	page := draw.New(image)
	page.FillText(style(15, ink, true), vg.Point{X: margin + gap, Y: height - margin - 18}, d.Title)
	for _, panel := range d.Panels {
		if err := drawPanel(page, panel, r); err != nil {
			return fmt.Errorf("panel %s: %w", panel.Title, err)
		}
	}
	_, err := vgimg.PngCanvas{Canvas: image}.WriteTo(out)
	return err
}

// area is where a panel is on the page.
func area(page draw.Canvas, panel record.Panel) vg.Rectangle {
	at := panel.GridPos
	top := page.Max.Y - margin - headHeight - vg.Length(at.Y)*unitHeight
	left := page.Min.X + margin + vg.Length(at.X)*columnWidth
	return vg.Rectangle{
		Min: vg.Point{X: left + gap, Y: top - vg.Length(at.H)*unitHeight + gap},
		Max: vg.Point{X: left + vg.Length(at.W)*columnWidth - gap, Y: top - gap},
	}
}

func drawPanel(page draw.Canvas, panel record.Panel, r record.Recording) error {
	whole := area(page, panel)
	if panel.Type == record.TypeRow {
		page.FillText(style(11, ink, true), vg.Point{X: whole.Min.X, Y: whole.Min.Y + 4}, panel.Title)
		return nil
	}
	fill(page, whole, white)
	outline(page, whole)
	title := style(9, ink, true)
	page.FillText(title, vg.Point{X: whole.Min.X + 6, Y: whole.Max.Y - 12}, cut(panel.Title, title, whole.Size().X-12))
	inside := draw.Canvas{Canvas: page.Canvas, Rectangle: vg.Rectangle{
		Min: whole.Min.Add(vg.Point{X: 6, Y: 5}), Max: whole.Max.Sub(vg.Point{X: 6, Y: titleHeight}),
	}}
	switch panel.Type {
	case record.TypeStat:
		return drawNumber(inside, panel, r)
	case record.TypeLines:
		return drawLines(inside, panel, r)
	case record.TypeTimeline:
		return drawTimeline(inside, panel, r)
	case record.TypeTable:
		return drawTable(inside, panel, r)
	}
	return fmt.Errorf("we cannot draw a panel of type %s", panel.Type)
}
