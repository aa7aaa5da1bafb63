// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Recording is what a Prometheus has answered to the queries of a dashboard.
type Recording struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Answers by the expression in the JSON of the dashboard.
	Answers map[string][]Series `json:"answers"`
}

// Series is one series of an answer.
type Series struct {
	Labels map[string]string `json:"labels,omitempty"`
	Values []Point           `json:"values"`
}

// Point is seconds since the start of the recording, and a value.
type Point [2]float64

// Last is the newest value.
func (s Series) Last() float64 { return s.Values[len(s.Values)-1][1] }

// Legend is what Grafana writes for a series: the format with the labels in place of
// {{label}}.
func (s Series) Legend(format string) string {
	for name, value := range s.Labels {
		format = strings.ReplaceAll(format, "{{"+name+"}}", value)
	}
	return format
}

// Write writes a recording, completely or not at all.
func (r Recording) Write(file string) error {
	for _, answer := range r.Answers {
		slices.SortFunc(answer, func(a, b Series) int { return strings.Compare(a.text(), b.text()) })
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot encode the recording %s: %w", file, err)
	}
	// A line for each series, so that a change of one can be seen.
	text = []byte(strings.ReplaceAll(strings.ReplaceAll(string(text), `{"labels"`, "\n"+`{"labels"`), `],"`, "],\n"+`"`))
	if err := os.WriteFile(file+".next", append(text, '\n'), 0o644); err != nil { //nolint:gosec // Everybody may read it.
		return err
	}
	return os.Rename(file+".next", file)
}

func (s Series) text() string { return fmt.Sprint(s.Labels) }

// Read reads what Write has written.
func Read(file string) (Recording, error) {
	text, err := os.ReadFile(file) //nolint:gosec // The caller names the file.
	if err != nil {
		return Recording{}, err
	}
	var r Recording
	if err := json.Unmarshal(text, &r); err != nil {
		return Recording{}, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Complete reports which queries of a dashboard a recording has no answer to: the dashboard
// has changed since.
func (r Recording) Complete(d Dashboard) error {
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			if len(r.Answers[target.Expr]) == 0 {
				return fmt.Errorf("the recording has no answer to %s of panel %s: record it again with make test-full RUN='^monitoring$' UPDATE=1 FORCE=1", target.Expr, panel.Title)
			}
		}
	}
	return nil
}
