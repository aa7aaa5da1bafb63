// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheus "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// points is how many values a line has at most.
const points = 120

// Choice is what a person has chosen above a dashboard.
type Choice struct {
	Namespace, Cluster string
	// Range ends now.
	Range time.Duration
}

// fill replaces the variables of a query as Grafana does. The fleet shows all namespaces.
func (c Choice) fill(expr string) string {
	return strings.NewReplacer(
		`=~"$namespace"`, `=~".*"`, "$namespace", c.Namespace, "$cluster", c.Cluster,
		"$__range", model.Duration(c.Range).String(),
	).Replace(expr)
}

// Ask runs every query of a dashboard. It returns an error that names each one without an
// answer.
func Ask(ctx context.Context, address string, d Dashboard, choice Choice, now time.Time) (Recording, error) {
	client, err := api.NewClient(api.Config{Address: address})
	if err != nil {
		return Recording{}, err
	}
	a := asker{api: prometheus.NewAPI(client), choice: choice, window: prometheus.Range{
		Start: now.Add(-choice.Range), End: now, Step: max(choice.Range/points, time.Second).Truncate(time.Second),
	}}
	r := Recording{Start: a.window.Start.UTC(), End: now.UTC(), Answers: map[string][]Series{}}
	var empty []string
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			answer, err := a.ask(ctx, target)
			if err != nil {
				return Recording{}, fmt.Errorf("panel %s: %s: %w", panel.Title, target.Expr, err)
			}
			if len(answer) == 0 {
				empty = append(empty, panel.Title+": "+choice.fill(target.Expr))
			}
			r.Answers[target.Expr] = answer
		}
	}
	if len(empty) > 0 {
		return r, fmt.Errorf("dashboard %s: these queries return nothing:\n%s", d.Title, strings.Join(empty, "\n"))
	}
	return r, nil
}

type asker struct {
	api    prometheus.API
	choice Choice
	window prometheus.Range
}

func (a asker) ask(ctx context.Context, target Target) ([]Series, error) {
	if target.Instant {
		value, _, _, err := a.api.Query(ctx, a.choice.fill(target.Expr), a.window.End)
		if err != nil {
			return nil, err
		}
		vector, ok := value.(model.Vector)
		if !ok {
			return nil, fmt.Errorf("the answer of Prometheus is a %s", value.Type())
		}
		var answer []Series
		for _, sample := range vector {
			answer = a.add(answer, sample.Metric, []model.SamplePair{{Timestamp: sample.Timestamp, Value: sample.Value}})
		}
		return answer, nil
	}
	value, _, _, err := a.api.QueryRange(ctx, a.choice.fill(target.Expr), a.window)
	if err != nil {
		return nil, err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("the answer of Prometheus is a %s", value.Type())
	}
	var answer []Series
	for _, stream := range matrix {
		answer = a.add(answer, stream.Metric, stream.Values)
	}
	return answer, nil
}

// add adds a series to an answer. What is no number, such as 0 divided by 0, is no data.
func (a asker) add(answer []Series, metric model.Metric, values []model.SamplePair) []Series {
	one := Series{Labels: labels(metric)}
	for _, pair := range values {
		if value := float64(pair.Value); !math.IsNaN(value) && !math.IsInf(value, 0) {
			one.Values = append(one.Values, a.point(pair.Timestamp, value))
		}
	}
	if len(one.Values) == 0 {
		return answer
	}
	return append(answer, one)
}

// point has a value with few digits: a picture does not show more, and a recording is read.
func (a asker) point(at model.Time, value float64) Point {
	return Point{at.Time().Sub(a.window.Start).Round(time.Second).Seconds(), short(value)}
}

func short(value float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 5, 64), 64)
	if err != nil {
		return value
	}
	return rounded
}

func labels(metric model.Metric) map[string]string {
	var found map[string]string
	for name, value := range metric {
		switch name {
		case model.MetricNameLabel, model.JobLabel, model.InstanceLabel:
			continue
		}
		if found == nil {
			found = map[string]string{}
		}
		found[string(name)] = string(value)
	}
	return found
}
