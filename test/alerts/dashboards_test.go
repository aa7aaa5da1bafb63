// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// dashboards are those that hack/dashboards writes. These are links: go test does not notice
// a change of a file outside the module.
const dashboards = "testdata/dashboards/*.json"

// TestDashboardQueries shows that Prometheus can read every query of the dashboards, and that
// the operator has each metric that a query names. Whether the queries return data, the story
// monitoring shows.
func TestDashboardQueries(t *testing.T) {
	t.Parallel()
	known := exposed(t)
	files, err := filepath.Glob(dashboards)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		for _, query := range queries(t, file) {
			found++
			for _, mistake := range mistakes(query, known) {
				t.Errorf("%s: %s: %s", filepath.Base(file), query, mistake)
			}
		}
	}
	if len(files) < 2 || found < 20 {
		t.Fatalf("found %d queries in %d dashboards, which cannot be all", found, len(files))
	}
}

// TestDashboardMistakes shows that TestDashboardQueries finds what it is for.
func TestDashboardMistakes(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"stanzaflow_ready": true, "up": true}
	for query, want := range map[string]string{
		`sum(stanzaflow_ready{namespace=~"$namespace"}) / count(up)`:          "",
		`increase(stanzaflow_ready{cluster="$cluster"}[$__rate_interval])`:    "",
		`max_over_time(stanzaflow_ready[$__range]) and on(namespace) up == 1`: "",
		`sum(stanzaflow_ready`:               "parse",
		`stanzaflow_raedy == 1`:              "stanzaflow_raedy",
		`up unless {__name__="stanzaflow_"}`: "stanzaflow_",
	} {
		got := strings.Join(mistakes(query, known), "; ")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

// ofGrafana are the variables of Grafana, which it replaces before it asks.
var ofGrafana = strings.NewReplacer("$__rate_interval", "5m", "$__interval", "1m", "$__range", "1h", "$namespace", "cpo", "$cluster", "cluster")

// mistakes says what is wrong with a query.
func mistakes(query string, known map[string]bool) []string {
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(ofGrafana.Replace(query))
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			name := selector.Name
			for _, matcher := range selector.LabelMatchers {
				if matcher.Name == "__name__" {
					name = matcher.Value
				}
			}
			if !known[name] {
				found = append(found, "the operator has no metric "+name)
			}
		}
		return nil
	})
	return found
}

// queries returns every field expr of a dashboard, at any depth.
func queries(t *testing.T, file string) []string {
	t.Helper()
	var dashboard any
	if err := json.Unmarshal(readFile(t, file), &dashboard); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var found []string
	var walk func(any)
	walk = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for name, field := range value {
				if text, ok := field.(string); ok && name == "expr" {
					found = append(found, text)
				}
				walk(field)
			}
		case []any:
			for _, element := range value {
				walk(element)
			}
		}
	}
	walk(dashboard)
	slices.Sort(found)
	return found
}

var sampleName = regexp.MustCompile(`(?m)^([a-zA-Z_:][a-zA-Z0-9_:]*)[{ ]`)

// exposed returns the names of the metrics that the operator has, and up, which Prometheus
// makes.
func exposed(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{"up": true}
	for _, match := range sampleName.FindAllStringSubmatch(string(readFile(t, "testdata/metrics.txt")), -1) {
		known[match[1]] = true
	}
	if len(known) < 20 {
		t.Fatalf("found %d metrics, which cannot be all", len(known))
	}
	return known
}
