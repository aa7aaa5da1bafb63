// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// prometheus evaluates expressions over series that have one value now.
type prometheus struct {
	*testing.T

	parser parser.Parser
	now    time.Time
	series []storage.Series
}

func newPrometheus(t *testing.T, series map[string]float64) *prometheus {
	t.Helper()
	p := &prometheus{T: t, parser: parser.NewParser(parser.Options{}), now: time.Unix(1795361580, 0)}
	for name, value := range series {
		metric, err := p.parser.ParseMetric(name)
		if err != nil {
			t.Fatal(err)
		}
		point := promql.FPoint{T: p.now.UnixMilli(), F: value}
		p.series = append(p.series, promql.NewStorageSeries(promql.Series{Metric: metric, Floats: []promql.FPoint{point}}))
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

// evaluate returns the CronJobs of the series in the answer.
func (p *prometheus) evaluate(expression string) []string {
	p.Helper()
	engine := promql.NewEngine(promql.EngineOpts{Parser: p.parser, MaxSamples: 1000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute})
	defer func() { _ = engine.Close() }()
	query, err := engine.NewInstantQuery(p.Context(), p, nil, expression, p.now)
	if err != nil {
		p.Fatal(err)
	}
	defer query.Close()
	vector, err := query.Exec(p.Context()).Vector()
	if err != nil {
		p.Fatal(err)
	}
	var cronJobs []string
	for _, sample := range vector {
		cronJobs = append(cronJobs, sample.Metric.Get("namespace")+"/"+sample.Metric.Get("cronjob"))
	}
	return cronJobs
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

func TestCronJobSuspendedWithoutStanzaflow(t *testing.T) {
	t.Parallel()
	rule := readRule(t, "../../deploy/components/alerts/cronjobs.yaml")
	if rule.For == 0 {
		t.Error("an operator that is only being replaced must not fire")
	}
	const (
		full      = `kube_cronjob_spec_suspend{namespace="cpo", cronjob="pgbackrest-cluster-repo1-full"}`
		incr      = `kube_cronjob_spec_suspend{namespace="cpo", cronjob="pgbackrest-cluster-repo1-incr"}`
		other     = `kube_cronjob_spec_suspend{namespace="cpo", cronjob="nightly-report"}`
		available = `kube_deployment_status_replicas_available{namespace="stanzaflow-system", deployment="stanzaflow"}`
		elsewhere = `kube_deployment_status_replicas_available{namespace="shop", deployment="stanzaflow"}`
	)
	fullFires := []string{"cpo/pgbackrest-cluster-repo1-full"}
	for name, tc := range map[string]struct {
		series map[string]float64
		want   []string
	}{
		"the operator runs":                              {map[string]float64{full: 1, available: 1}, nil},
		"two replicas run":                               {map[string]float64{full: 1, available: 2}, nil},
		"the operator is scaled to 0":                    {map[string]float64{full: 1, available: 0}, fullFires},
		"the operator is uninstalled":                    {map[string]float64{full: 1}, fullFires},
		"a Deployment of that name in another namespace": {map[string]float64{full: 1, elsewhere: 1}, fullFires},
		"nothing is suspended":                           {map[string]float64{full: 0, incr: 0}, nil},
		"one of two is suspended":                        {map[string]float64{full: 1, incr: 0}, fullFires},
		"a CronJob of somebody else is suspended":        {map[string]float64{other: 1, full: 0}, nil},
		"there is no CronJob":                            {map[string]float64{available: 0}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, newPrometheus(t, tc.series).evaluate(rule.Expr)); diff != "" {
				t.Errorf("fires for (-want +got):\n%s", diff)
			}
		})
	}
}
