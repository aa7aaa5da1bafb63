// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// A dashboard has 24 columns.
const (
	sixth  = 4
	fourth = 6
	third  = 8
	half   = 12
	whole  = 24
)

// Heights of panels.
const (
	low  = 4
	high = 8
)

// The colours of Grafana for what is well, unknown and not well.
const (
	green  = "green"
	yellow = "yellow"
	red    = "red"
	blue   = "blue"
)

// query is a query of a panel, and what the legend says of each of its series.
type query struct{ expr, legend string }

// source is the variable of the dashboard that names a Prometheus.
func source() common.DataSourceRef {
	return common.DataSourceRef{Type: new("prometheus"), Uid: new("$datasource")}
}

// number is a panel with one number now. It is red if that is more than it may be at most.
func number(title, description, unit, expr string, atMost float64) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Title(title).Description(description).Datasource(source()).
		Height(low).Span(sixth).Unit(unit).
		Thresholds(above(atMost)).ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).Orientation(common.VizOrientationAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		WithTarget(now("A", expr))
}

// plain is number without a limit.
func plain(title, description, unit, expr string) *stat.PanelBuilder {
	return number(title, description, unit, expr, 0).Thresholds(always(blue))
}

// lines is a panel with series over time.
func lines(title, description, unit string, queries ...query) *timeseries.PanelBuilder {
	panel := timeseries.NewPanelBuilder().Title(title).Description(description).Datasource(source()).
		Height(high).Span(third).Unit(unit).Min(0).
		LineWidth(2).FillOpacity(5).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	for i, q := range queries {
		panel.WithTarget(prometheus.NewDataqueryBuilder().RefId(refID(i)).Expr(q.expr).LegendFormat(q.legend).Range().Datasource(source()))
	}
	return panel
}

// timeline is a panel that shows when which of the states of stateNames held.
func timeline(title, description string, q query) *statetimeline.PanelBuilder {
	return statetimeline.NewPanelBuilder().Title(title).Description(description).Datasource(source()).
		Height(high).Span(whole).Mappings(stateNames()).Thresholds(always(blue)).
		ShowValue(common.VisibilityModeAuto).MergeValues(true).
		WithTarget(prometheus.NewDataqueryBuilder().RefId("A").Expr(q.expr).LegendFormat(q.legend).Range().Datasource(source()))
}

// stateOf gives conditions as numbers: 0 is True, 1 Unknown, 2 False. It takes the matchers
// of a condition, and the labels that tell the conditions apart.
func stateOf(matchers string, by string) string {
	of := func(status string) string { return `stanzaflow_condition{` + matchers + `,status="` + status + `"}` }
	return "max by (" + by + ") (" + of("False") + " * 2 or " + of("Unknown") + " or " + of("True") + " * 0)"
}

func stateNames() []dashboard.ValueMapping {
	return mapping(map[string]dashboard.ValueMappingResult{
		"0": result("True", green), "1": result("Unknown", yellow), "2": result("False", red),
	})
}

// stateColours are the colours of the status of a condition, and of the result of a run.
func stateColours() []dashboard.ValueMapping {
	return mapping(map[string]dashboard.ValueMappingResult{
		"True": result("True", green), "Unknown": result("Unknown", yellow), "False": result("False", red),
		"Succeeded": result("Succeeded", green), "Held": result("Held", yellow), "Failed": result("Failed", red),
		"DataMissing": result("DataMissing", red),
	})
}

func mapping(options map[string]dashboard.ValueMappingResult) []dashboard.ValueMapping {
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}}
}

func result(text, color string) dashboard.ValueMappingResult {
	return dashboard.ValueMappingResult{Text: new(text), Color: new(color)}
}

// now is a query of one moment.
func now(refID, expr string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(refID).Expr(expr).Instant().Datasource(source())
}

// refID is A, B, C and so on.
func refID(i int) string { return "ABCDEFGHIJ"[i : i+1] }

func above(atMost float64) *dashboard.ThresholdsConfigBuilder {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps([]dashboard.Threshold{
		{Value: nil, Color: green}, {Value: new(atMost + 1e-9), Color: red},
	})
}

func always(color string) *dashboard.ThresholdsConfigBuilder {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps([]dashboard.Threshold{{Value: nil, Color: color}})
}

// with writes matchers where an expression has OF.
func with(expr, matchers string) string { return strings.ReplaceAll(expr, "OF", matchers) }

// begin is a dashboard with what all of ours have.
func begin(uid, title, description string) *dashboard.DashboardBuilder {
	return dashboard.NewDashboardBuilder(title).Uid(uid).Description(description).Tags([]string{"stanzaflow", "pgbackrest"}).
		Timezone("browser").Time("now-24h", "now").Refresh("1m").Tooltip(dashboard.DashboardCursorSyncCrosshair).Readonly().
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus")).
		Link(dashboard.NewDashboardLinkBuilder("Stanzaflow").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"stanzaflow"}).AsDropdown(true).KeepTime(true))
}

// finish builds a dashboard and numbers its panels, which Grafana tells apart by that.
func finish(d *dashboard.DashboardBuilder) (dashboard.Dashboard, error) {
	built, err := d.Build()
	if err != nil {
		return dashboard.Dashboard{}, err
	}
	for i, panel := range built.Panels {
		id := uint32(i + 1)
		switch {
		case panel.Panel != nil:
			panel.Panel.Id = &id
		case panel.RowPanel != nil:
			panel.RowPanel.Id = id
		}
	}
	return built, nil
}

// variable is a choice among the values of a label.
func variable(name, label, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source()).
		Query(dashboard.StringOrMap{String: &query}).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
}

// seconds and bytes are how Grafana writes these.
const (
	seconds = units.Seconds
	bytes   = units.BytesIEC
	count   = units.Short
	ratio   = units.PercentUnit
)
