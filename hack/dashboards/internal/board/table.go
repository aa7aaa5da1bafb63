// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

// cell is a column of a table with the value of a query. Without an expression it shows a
// label.
type cell struct {
	name string
	// label, if the column shows one.
	label string
	// expr, if the column shows a value.
	expr string
	unit string
	// wrong makes the cell red if the value is not 0.
	wrong bool
	// state colours the words of a status and of a result.
	state bool
}

// rows is a table with a row for each value of some labels. It joins its queries by them. In
// the columns of Grafana a value is called Value #A, after its query.
func rows(title, description string, cells ...cell) *table.PanelBuilder {
	panel := table.NewPanelBuilder().Title(title).Description(description).Datasource(source()).
		Height(high).Span(whole).Thresholds(always("text"))
	rename, order, hidden := map[string]string{}, map[string]int{}, map[string]bool{"Time": true}
	queries := 0
	for i, c := range cells {
		column := c.label
		if c.expr != "" {
			ref := refID(queries)
			queries++
			column = "Value #" + ref
			panel.WithTarget(now(ref, c.expr).Format(prometheus.PromQueryFormatTable))
		}
		if c.name == "" {
			hidden[column] = true
			continue
		}
		rename[column], order[column] = c.name, i
		panel.OverrideByName(c.name, c.properties())
	}
	return panel.
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"renameByName": rename, "indexByName": order, "excludeByName": hidden,
		}})
}

// properties say how Grafana writes a column.
func (c cell) properties() []dashboard.DynamicConfigValue {
	var properties []dashboard.DynamicConfigValue
	if c.unit != "" {
		properties = append(properties, dashboard.DynamicConfigValue{Id: "unit", Value: c.unit})
	}
	if c.wrong {
		steps, _ := above(0).Build()
		properties = append(properties,
			dashboard.DynamicConfigValue{Id: "thresholds", Value: steps},
			dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": common.TableCellDisplayModeColorText}},
		)
	}
	if c.state {
		properties = append(properties,
			dashboard.DynamicConfigValue{Id: "mappings", Value: stateColours()},
			dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": common.TableCellDisplayModeColorText}},
		)
	}
	if c.label == "cluster" {
		properties = append(properties, dashboard.DynamicConfigValue{Id: "links", Value: []map[string]any{{
			"title": "this database", "url": "/d/" + uidDatabase + "?var-namespace=${__data.fields.Namespace}&var-cluster=${__data.fields.Database}&${datasource:queryparam}",
		}}})
	}
	return properties
}

// byName sorts a table.
func byName(column string, descending bool) []cog.Builder[common.TableSortByFieldState] {
	return []cog.Builder[common.TableSortByFieldState]{common.NewTableSortByFieldStateBuilder().DisplayName(column).Desc(descending)}
}
