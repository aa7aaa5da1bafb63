// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/common/model"
	"sigs.k8s.io/yaml"
)

// testFile is a file for promtool test rules.
type testFile struct {
	RuleFiles          []string   `json:"rule_files"`
	EvaluationInterval string     `json:"evaluation_interval"`
	Tests              []testCase `json:"tests"`
}

type testCase struct {
	Name        string        `json:"name"`
	Interval    string        `json:"interval"`
	InputSeries []inputSeries `json:"input_series"`
	Tests       []expectation `json:"alert_rule_test"`
}

type inputSeries struct {
	Series string `json:"series"`
	Values string `json:"values"`
}

type expectation struct {
	At     string  `json:"eval_time"`
	Alert  string  `json:"alertname"`
	Firing []alert `json:"exp_alerts"`
}

type alert struct {
	Labels      map[string]string `json:"exp_labels"`
	Annotations map[string]string `json:"exp_annotations"`
}

func readTests(t *testing.T) []testCase {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tests []testCase
	for _, name := range files {
		var file testFile
		if err := yaml.UnmarshalStrict(readFile(t, name), &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if file.EvaluationInterval != "1m" || !slices.Equal(file.RuleFiles, []string{"../" + rulesFile}) {
			t.Errorf("%s: promtool would evaluate %v every %s", name, file.RuleFiles, file.EvaluationInterval)
		}
		tests = append(tests, file.Tests...)
	}
	return tests
}

// TestAlerts plays each case: which alerts fire when, with which words.
func TestAlerts(t *testing.T) {
	t.Parallel()
	rules := readRules(t)
	for _, tc := range readTests(t) {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			if tc.Interval != "1m" {
				t.Fatalf("the interval is %s", tc.Interval)
			}
			p := newPrometheus(t, tc.InputSeries)
			for _, want := range tc.Tests {
				at, err := model.ParseDuration(want.At)
				if err != nil {
					t.Fatal(err)
				}
				var got []alert
				for _, rule := range rules {
					if rule.Alert == want.Alert {
						got = append(got, p.firing(rule, time.Duration(at))...)
					}
				}
				for _, a := range got {
					if summary := a.Annotations["summary"]; summary == "" || strings.HasSuffix(summary, ".") || !strings.HasSuffix(a.Annotations["description"], ".") {
						t.Errorf("%s: want a summary without and a description with a full stop: %q", want.Alert, a.Annotations)
					}
				}
				sorted := cmpopts.SortSlices(func(a, b alert) int { return cmp.Compare(fmt.Sprint(a.Labels), fmt.Sprint(b.Labels)) })
				if diff := gocmp.Diff(want.Firing, got, sorted, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s after %s (-want +got):\n%s", want.Alert, want.At, diff)
				}
			}
		})
	}
}

// TestEveryAlertFiresAndResolves in a case each.
func TestEveryAlertFiresAndResolves(t *testing.T) {
	t.Parallel()
	fires, resolves := map[string]bool{}, map[string]bool{}
	for _, tc := range readTests(t) {
		fired := map[string]bool{}
		for _, want := range tc.Tests {
			for _, a := range want.Firing {
				fired[want.Alert], fires[want.Alert+" "+a.Labels["severity"]] = true, true
			}
			if len(want.Firing) == 0 && fired[want.Alert] {
				resolves[want.Alert] = true
			}
		}
	}
	for _, rule := range readRules(t) {
		if !fires[rule.Alert+" "+rule.Labels["severity"]] {
			t.Errorf("in no case does %s fire with severity %s", rule.Alert, rule.Labels["severity"])
		}
		if !resolves[rule.Alert] {
			t.Errorf("in no case does %s resolve", rule.Alert)
		}
	}
}
