// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Dashboard is one dashboard.
type Dashboard struct {
	Title  string  `json:"title"`
	Panels []Panel `json:"panels"`
}

// The types of panel that we draw.
const (
	TypeRow      = "row"
	TypeStat     = "stat"
	TypeLines    = "timeseries"
	TypeTimeline = "state-timeline"
	TypeTable    = "table"
)

// Panel is one panel.
type Panel struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct {
		H, W, X, Y int
	} `json:"gridPos"`
	Targets     []Target `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit       string `json:"unit"`
			Thresholds struct {
				Steps []Step `json:"steps"`
			} `json:"thresholds"`
		} `json:"defaults"`
		Overrides []Override `json:"overrides"`
	} `json:"fieldConfig"`
	Transformations []struct {
		ID      string          `json:"id"`
		Options json.RawMessage `json:"options"`
	} `json:"transformations"`
}

// Target is one query.
type Target struct {
	RefID   string `json:"refId"`
	Expr    string `json:"expr"`
	Legend  string `json:"legendFormat"`
	Instant bool   `json:"instant"`
}

// Step is a colour from a value on. The first has no value.
type Step struct {
	Value *float64 `json:"value"`
	Color string   `json:"color"`
}

// Override is how one column is written.
type Override struct {
	Matcher struct {
		Options string `json:"options"`
	} `json:"matcher"`
	Properties []struct {
		ID    string          `json:"id"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

// Column is a column of a table: what Grafana calls it, and how we do.
type Column struct{ Field, Name string }

// ReadDashboard reads a file.
func ReadDashboard(file string) (Dashboard, error) {
	text, err := os.ReadFile(file) //nolint:gosec // The caller names the file.
	if err != nil {
		return Dashboard{}, err
	}
	var d Dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		return Dashboard{}, fmt.Errorf("%s: %w", file, err)
	}
	if len(d.Panels) == 0 {
		return Dashboard{}, fmt.Errorf("%s has no panels", file)
	}
	return d, nil
}

// Columns are those of a table, in their order.
func (p Panel) Columns() ([]Column, error) {
	for _, t := range p.Transformations {
		if t.ID != "organize" {
			continue
		}
		var options struct {
			RenameByName map[string]string `json:"renameByName"`
			IndexByName  map[string]int    `json:"indexByName"`
		}
		if err := json.Unmarshal(t.Options, &options); err != nil {
			return nil, fmt.Errorf("panel %s: %w", p.Title, err)
		}
		var columns []Column
		for field, name := range options.RenameByName {
			columns = append(columns, Column{Field: field, Name: name})
		}
		slices.SortFunc(columns, func(a, b Column) int { return options.IndexByName[a.Field] - options.IndexByName[b.Field] })
		return columns, nil
	}
	return nil, fmt.Errorf("panel %s does not say which columns it has", p.Title)
}

// Property returns the text of a property of a column, empty if it has none.
func (p Panel) Property(column, id string) string {
	for _, override := range p.FieldConfig.Overrides {
		if override.Matcher.Options != column {
			continue
		}
		for _, property := range override.Properties {
			var text string
			if property.ID == id && json.Unmarshal(property.Value, &text) == nil {
				return text
			}
		}
	}
	return ""
}

// Has reports whether a column has a property.
func (p Panel) Has(column, id string) bool {
	for _, override := range p.FieldConfig.Overrides {
		for _, property := range override.Properties {
			if override.Matcher.Options == column && property.ID == id {
				return true
			}
		}
	}
	return false
}
