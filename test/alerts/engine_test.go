// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"maps"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/util/annotations"
)

// interval is how often series have a value, and how often rules are evaluated.
const interval = time.Minute

// prometheus evaluates expressions over series that begin at the moment 0.
type prometheus struct {
	*testing.T

	parser parser.Parser
	engine *promql.Engine
	series []storage.Series
}

// newPrometheus holds series in the notation of promtool.
func newPrometheus(t *testing.T, inputs []inputSeries) *prometheus {
	t.Helper()
	read := parser.NewParser(parser.Options{})
	p := &prometheus{T: t, parser: read, engine: promql.NewEngine(promql.EngineOpts{
		Parser: read, MaxSamples: 10000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
	})}
	t.Cleanup(func() { _ = p.engine.Close() })
	for _, input := range inputs {
		metric, values, err := p.parser.ParseSeriesDesc(input.Series + " " + input.Values)
		if err != nil {
			t.Fatal(err)
		}
		series := promql.Series{Metric: metric}
		for i, value := range values {
			if !value.Omitted {
				series.Floats = append(series.Floats, promql.FPoint{T: (time.Duration(i) * interval).Milliseconds(), F: value.Value})
			}
		}
		p.series = append(p.series, promql.NewStorageSeries(series))
	}
	return p
}

// Querier implements storage.Queryable.
func (p *prometheus) Querier(_, _ int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		found := &seriesSet{}
		for _, series := range p.series {
			matches := true
			for _, m := range matchers {
				matches = matches && m.Matches(series.Labels().Get(m.Name))
			}
			if matches {
				found.left = append(found.left, series)
			}
		}
		return found
	}}, nil
}

func (p *prometheus) evaluate(expression string, at time.Duration) promql.Vector {
	p.Helper()
	query, err := p.engine.NewInstantQuery(p.Context(), p, nil, expression, time.UnixMilli(at.Milliseconds()))
	if err != nil {
		p.Fatal(err)
	}
	defer query.Close()
	vector, err := query.Exec(p.Context()).Vector()
	if err != nil {
		p.Fatal(err)
	}
	return append(promql.Vector(nil), vector...)
}

// firing returns the alerts of a rule that fire at a moment: those that its expression has
// found at each evaluation for as long as the rule asks.
func (p *prometheus) firing(rule rulefmt.Rule, at time.Duration) []alert {
	p.Helper()
	since := map[string]time.Duration{}
	var last promql.Vector
	for now := time.Duration(0); now <= at; now += interval {
		still := map[string]time.Duration{}
		last = p.evaluate(rule.Expr, now)
		for _, sample := range last {
			key := sample.Metric.String()
			still[key] = now
			if from, ok := since[key]; ok {
				still[key] = from
			}
		}
		since = still
	}
	var alerts []alert
	for _, sample := range last {
		if at-since[sample.Metric.String()] >= time.Duration(rule.For) {
			alerts = append(alerts, p.alert(rule, sample, at))
		}
	}
	return alerts
}

// alert is what Alertmanager gets.
func (p *prometheus) alert(rule rulefmt.Rule, sample promql.Sample, at time.Duration) alert {
	p.Helper()
	a := alert{Labels: sample.Metric.Map(), Annotations: map[string]string{}}
	delete(a.Labels, model.MetricNameLabel)
	data := template.AlertTemplateData(sample.Metric.Map(), nil, "", sample)
	maps.Copy(a.Labels, rule.Labels)
	for name, text := range rule.Annotations {
		expanded, err := template.NewTemplateExpander(p.Context(), "{{$labels := .Labels}}{{$value := .Value}}"+text, rule.Alert, data, model.TimeFromUnixNano(at.Nanoseconds()), nil, nil, nil).Expand()
		if err != nil {
			p.Fatal(err)
		}
		a.Annotations[name] = expanded
	}
	return a
}

type seriesSet struct {
	left []storage.Series
	at   storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.left) == 0 {
		return false
	}
	s.at, s.left = s.left[0], s.left[1:]
	return true
}
func (s *seriesSet) At() storage.Series                { return s.at }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
