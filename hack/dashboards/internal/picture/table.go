// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"image/color"
	"maps"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/record"
)

const rowHeight = vg.Length(15)

// cell is a text in a table.
type cell struct {
	text string
	of   color.Color
}

// drawTable draws the rows of a panel, as many as there is room for.
func drawTable(c draw.Canvas, panel record.Panel, r record.Recording) error {
	columns, err := panel.Columns()
	if err != nil {
		return err
	}
	rows := joined(panel, r, columns)
	width := c.Size().X / vg.Length(len(columns))
	for i, column := range columns {
		x := c.Min.X + vg.Length(i)*width
		head := style(8, pale, true)
		c.FillText(head, vg.Point{X: x, Y: c.Max.Y - 10}, cut(column.Name, head, width-4))
		for n, row := range rows {
			y := c.Max.Y - vg.Length(n+2)*rowHeight + 5
			if y < c.Min.Y {
				break
			}
			text := style(8, row[i].of, false)
			c.FillText(text, vg.Point{X: x, Y: y}, cut(row[i].text, text, width-4))
		}
	}
	c.StrokeLine2(draw.LineStyle{Color: frame, Width: 0.75}, c.Min.X, c.Max.Y-rowHeight, c.Max.X, c.Max.Y-rowHeight)
	return nil
}

// joined joins the answers of a panel as Grafana's transformation merge does: by the labels
// that all of its queries have. Rows are in the order of these.
func joined(panel record.Panel, r record.Recording, columns []record.Column) [][]cell {
	by := common(panel, r)
	rows := map[string]map[string]cell{}
	for _, target := range panel.Targets {
		field := "Value #" + target.RefID
		for _, series := range r.Answers[target.Expr] {
			var key []string
			for _, name := range by {
				key = append(key, series.Labels[name])
			}
			row := rows[strings.Join(key, "\x00")]
			if row == nil {
				row = map[string]cell{}
				rows[strings.Join(key, "\x00")] = row
			}
			for name, value := range series.Labels {
				row[name] = word(panel, name, columns, value)
			}
			row[field] = number(panel, field, columns, series.Last())
		}
	}
	var all [][]cell
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		var cells []cell
		for _, column := range columns {
			cells = append(cells, rows[key][column.Field])
			if cells[len(cells)-1].of == nil {
				cells[len(cells)-1].of = ink
			}
		}
		all = append(all, cells)
	}
	return all
}

// common are the labels that every series of a panel has.
func common(panel record.Panel, r record.Recording) []string {
	counts, series := map[string]int{}, 0
	for _, target := range panel.Targets {
		for _, one := range r.Answers[target.Expr] {
			series++
			for name := range one.Labels {
				counts[name]++
			}
		}
	}
	return slices.Sorted(func(yield func(string) bool) {
		for name, n := range counts {
			if n == series && !yield(name) {
				return
			}
		}
	})
}

// number is a value in the unit of its column, red if it should be 0.
func number(panel record.Panel, field string, columns []record.Column, value float64) cell {
	for _, column := range columns {
		if column.Field != field {
			continue
		}
		of := color.Color(ink)
		if value != 0 && panel.Has(column.Name, "thresholds") {
			of = named["red"]
		}
		return cell{write(value, panel.Property(column.Name, "unit")), of}
	}
	return cell{}
}

// word is the value of a label, in its colour if the column has colours.
func word(panel record.Panel, field string, columns []record.Column, value string) cell {
	for _, column := range columns {
		if of, ok := wordColours[value]; ok && column.Field == field && panel.Has(column.Name, "mappings") {
			return cell{value, of}
		}
	}
	return cell{value, ink}
}
