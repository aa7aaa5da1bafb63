// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const (
	rulesFile = "../../deploy/monitoring/rules.yaml"
	runbooks  = "../../docs/runbooks"
	// scraped is what the operator serves of a fixed state.
	scraped = "../../internal/metrics/testdata/metrics.txt"
)

// readRules reads our rules as Prometheus does: it checks the expressions and the
// templates of the annotations.
func readRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse(readFile(t, rulesFile), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatalf("%s: %v", rulesFile, errs)
	}
	if len(groups.Groups) != 1 {
		t.Fatalf("%s has %d groups, want 1", rulesFile, len(groups.Groups))
	}
	return groups.Groups[0].Rules
}

// TestPrometheusRuleHasTheSameRules, which make generate writes.
func TestPrometheusRuleHasTheSameRules(t *testing.T) {
	t.Parallel()
	var rule struct {
		APIVersion, Kind string
		Metadata         any
		Spec             any
	}
	if err := yaml.UnmarshalStrict(readFile(t, "../../deploy/monitoring/prometheusrule.yaml"), &rule); err != nil {
		t.Fatal(err)
	}
	var rules any
	if err := yaml.UnmarshalStrict(readFile(t, rulesFile), &rules); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rules, rule.Spec); diff != "" {
		t.Errorf("run make generate (-rules.yaml +prometheusrule.yaml):\n%s", diff)
	}
}

// TestEveryAlertHelps: it says how bad it is, what has happened and where to read on.
func TestEveryAlertHelps(t *testing.T) {
	t.Parallel()
	pages := map[string]bool{}
	for _, rule := range readRules(t) {
		page := rule.Alert + ".md"
		pages[page] = true
		if !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) {
			t.Errorf("%s has the severity %q", rule.Alert, rule.Labels["severity"])
		}
		if url := rule.Annotations["runbook_url"]; url != "https://github.com/stanzaflow/stanzaflow/blob/main/docs/runbooks/"+page {
			t.Errorf("%s leads to %s", rule.Alert, url)
		}
		text := string(readFile(t, filepath.Join(runbooks, page)))
		for _, heading := range []string{"# " + rule.Alert, "## What it means", "## How bad it is", "## How to see it", "## What to do"} {
			if !strings.Contains(text, heading+"\n") {
				t.Errorf("%s has no heading %q", page, heading)
			}
		}
		if !strings.Contains(string(readFile(t, "../../docs/alerts.md")), "](runbooks/"+page+")") {
			t.Errorf("docs/alerts.md has no link to %s", page)
		}
	}
	files, err := os.ReadDir(runbooks)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !pages[file.Name()] {
			t.Errorf("docs/runbooks/%s belongs to no alert", file.Name())
		}
	}
}

// ofOthers are the metrics that kube-state-metrics serves, and those of every process in Go;
// a test of the manager shows that it serves these.
var ofOthers = []string{"kube_cronjob_spec_suspend", "kube_deployment_status_replicas_available", "process_resident_memory_bytes", "go_gc_gomemlimit_bytes"}

// TestEveryMetricOfARuleExists compares the rules with what the operator serves.
func TestEveryMetricOfARuleExists(t *testing.T) {
	t.Parallel()
	served := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^([a-z_]+)[{ ]`).FindAllStringSubmatch(string(readFile(t, scraped)), -1) {
		served[match[1]] = true
	}
	found := 0
	for _, rule := range readRules(t) {
		for _, name := range metricsOf(t, rule.Expr) {
			found++
			if !served[name] && !slices.Contains(ofOthers, name) {
				t.Errorf("%s uses %s, which the operator does not serve", rule.Alert, name)
			}
		}
	}
	if found < 20 {
		t.Errorf("found %d metrics, which cannot be all", found)
	}
}

// TestNoThresholdIsSetByHand: a rule compares with a metric, with 0 or with 1.
func TestNoThresholdIsSetByHand(t *testing.T) {
	t.Parallel()
	for _, rule := range readRules(t) {
		for _, number := range numbersOf(t, rule.Expr) {
			if number != 0 && number != 1 {
				t.Errorf("%s compares with %v", rule.Alert, number)
			}
		}
	}
}

func metricsOf(t *testing.T, expression string) (names []string) {
	t.Helper()
	inspect(t, expression, func(node parser.Node) {
		if selector, ok := node.(*parser.VectorSelector); ok {
			names = append(names, selector.Name)
		}
	})
	return names
}

func numbersOf(t *testing.T, expression string) (numbers []float64) {
	t.Helper()
	inspect(t, expression, func(node parser.Node) {
		if number, ok := node.(*parser.NumberLiteral); ok {
			numbers = append(numbers, number.Val)
		}
	})
	return numbers
}

func inspect(t *testing.T, expression string, visit func(parser.Node)) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		t.Fatal(err)
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		visit(node)
		return nil
	})
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRouteOfAlertmanager shows that the example catches every alert, and that its
// inhibitions are about alerts that exist. The story monitoring starts an Alertmanager.
func TestRouteOfAlertmanager(t *testing.T) {
	t.Parallel()
	var config struct {
		Route struct {
			Routes []struct {
				Matchers []string `json:"matchers"`
			} `json:"routes"`
		} `json:"route"`
		Inhibit []struct {
			Source []string `json:"source_matchers"`
			Target []string `json:"target_matchers"`
		} `json:"inhibit_rules"`
	}
	if err := yaml.Unmarshal(readFile(t, "../../examples/alertmanager/alertmanager.yml"), &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Route.Routes) != 1 || len(config.Inhibit) < 2 {
		t.Fatalf("the example has %d routes and %d inhibitions", len(config.Route.Routes), len(config.Inhibit))
	}
	matcher := regexp.MustCompile(`^alertname (=~|=) "(.+)"$`)
	route := matcher.FindStringSubmatch(config.Route.Routes[0].Matchers[0])
	all := regexp.MustCompile("^(?:" + route[2] + ")$")
	known := map[string]bool{}
	for _, rule := range readRules(t) {
		known[rule.Alert] = true
		if !all.MatchString(rule.Alert) {
			t.Errorf("%s goes to the receiver of others", rule.Alert)
		}
	}
	for _, rule := range config.Inhibit {
		for _, text := range append(rule.Source, rule.Target...) {
			if match := matcher.FindStringSubmatch(text); match != nil && !known[match[2]] {
				t.Errorf("there is no alert %s", match[2])
			}
		}
	}
}
