// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/types"
)

// reference shows samples by client_golang.
type reference struct{ *samples }

func (r reference) Describe(out chan<- *prometheus.Desc) {
	for _, of := range families {
		out <- r.desc(of)
	}
}

func (r reference) desc(of *family) *prometheus.Desc {
	labels := make([]string, 0, len(of.labels))
	for _, label := range of.labels {
		labels = append(labels, label.name)
	}
	return prometheus.NewDesc(of.name, of.help, labels, nil)
}

func (r reference) Collect(out chan<- prometheus.Metric) {
	kinds := map[string]prometheus.ValueType{typeGauge: prometheus.GaugeValue, typeCounter: prometheus.CounterValue}
	for _, of := range families {
		for _, is := range r.of[of.index] {
			cluster, labels := r.clusters[is.cluster], make([]string, 0, len(of.labels))
			for _, label := range of.labels {
				switch label.from {
				case fromNamespace:
					labels = append(labels, cluster.Namespace)
				case fromCluster:
					labels = append(labels, cluster.Name)
				case fromBoth:
					labels = append(labels, cluster.Namespace+"/"+cluster.Name)
				default:
					labels = append(labels, r.values[is.values][label.from])
				}
			}
			metric, err := prometheus.NewConstMetric(r.desc(of), kinds[of.kind], is.value, labels...)
			if err != nil {
				metric = prometheus.NewInvalidMetric(r.desc(of), err)
			}
			out <- metric
		}
	}
}

// gather is what a registry makes of samples and of others.
func gather(t *testing.T, s *samples, others ...prometheus.Gatherer) ([]*dto.MetricFamily, error) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(reference{s})
	return append(prometheus.Gatherers{registry}, others...).Gather()
}

// TestPageIsThatOfARegistry compares the bytes of the page, and what Prometheus' parser
// reads in them, with those of a registry that has the same samples.
func TestPageIsThatOfARegistry(t *testing.T) {
	for name, c := range map[string]*Collector{"fixed state": fixed(t), "strange names": strange()} {
		t.Run(name, func(t *testing.T) {
			got := scrapeOf(t, c)
			shown, others, err := c.collect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found, err := gather(t, shown, others...)
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			for _, family := range found {
				if _, err := expfmt.MetricFamilyToText(&want, family); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(strings.Split(want.String(), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Fatalf("the text is another one (-registry +page):\n%s", diff)
			}
			parser := expfmt.NewTextParser(model.UTF8Validation)
			read, err := parser.TextToMetricFamilies(strings.NewReader(got))
			if err != nil {
				t.Fatal(err)
			}
			parsed := make([]*dto.MetricFamily, 0, len(read))
			for _, family := range read {
				parsed = append(parsed, family)
			}
			slices.SortFunc(parsed, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
			if diff := cmp.Diff(plain(found), plain(parsed), cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("the text says something else (-registry +page):\n%s", diff)
			}
		})
	}
}

// plain are families without what a text does not hold.
func plain(families []*dto.MetricFamily) []string {
	var found []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			found = append(found, fmt.Sprint(family.GetName(), family.GetHelp(), family.GetType(), metric.GetLabel(), metric.GetGauge(), metric.GetCounter(), metric.GetHistogram().GetSampleCount(), metric.GetHistogram().GetSampleSum()))
		}
	}
	return found
}

// strange is a Collector of clusters whose names and conditions need to be escaped, are the
// same in several namespaces, and sort in another way than they are visited.
func strange() *Collector {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"", "a", "A", "ä", "aa", "a b", `a"b`, `a\b`, `\`, "a\nb", "a,b=\"c\"", "漢", "z", "\u2028"}
	word := func() string { return words[random.IntN(len(words))] }
	c, state, taken := fixedCollector(nil), stanzas{}, map[types.NamespacedName]bool{}
	for range 200 {
		s := healthy(word(), word()+word())
		if taken[keyOf(&s)] {
			continue
		}
		taken[keyOf(&s)] = true
		for i := range s.Status.Conditions {
			s.Status.Conditions[i].Reason = word()
		}
		s.Status.Repos[0].Cipher = word()
		s.Status.Repos[0].Restorable.Newest.Time = now.AddDate(0, 0, -random.IntN(1000))
		state = append(state, s)
		c.Passed(keyOf(&s), Pass{Schedules: []Schedule{{"repo1", "full"}}, Ended: []Run{{Schedule: Schedule{"repo1", "incr"}, Result: "Failed", Step: word(), Cause: word()}}})
	}
	c.options.Stanzas = state
	return c
}

// TestNumbers of every form are written as a registry writes them.
func TestNumbers(t *testing.T) {
	for _, value := range []float64{0, 1, -1, 0.1, 1e6, 123456789, 1.7e9 + 0.123456, 1e21, 1e-7, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)} {
		s := one(value, "a", "b", "c")
		var got, want bytes.Buffer
		found, err := gather(t, s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := expfmt.MetricFamilyToText(&want, found[0]); err != nil {
			t.Fatal(err)
		}
		if err := writeText(&got, s, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("%v (-registry +page):\n%s", value, diff)
		}
	}
}

// one is a condition of one cluster.
func one(value float64, labels ...string) *samples {
	s := newSamples(nil)
	s.begin(types.NamespacedName{Namespace: "shop", Name: "orders"})
	s.add(conditionGauge, value, valuesOf(conditionGauge, labels))
	return s
}

// TestWhatARegistryRefuses fails the page, too.
func TestWhatARegistryRefuses(t *testing.T) {
	twice := one(1, "Ready", "True", "Ready")
	twice.add(conditionGauge, 0, valuesOf(conditionGauge, []string{"Ready", "True", "Ready"}))
	another := newSamples(nil)
	for range 2 { // as if the cache had listed a cluster twice
		another.begin(types.NamespacedName{Namespace: "shop", Name: "orders"})
		another.add(runsWaiting, 1, values{})
	}
	for name, tc := range map[string]struct {
		samples *samples
		want    string
	}{
		"the same series twice":      {twice, `two series stanzaflow_condition of shop/orders have the same labels ["Ready" "True" "Ready"]`},
		"a cluster twice":            {another, "two series stanzaflow_runs_waiting of shop/orders"},
		"what is no text":            {one(1, "Ready", "True", "\xff"), `cannot show "\xff"`},
		"a metric of another's":      {one(1, "Ready", "True", "Ready"), "two metrics have the name stanzaflow_condition"},
		"a metric without a mistake": {one(1, "Ready", "True", "Ready"), ""},
	} {
		var others []*dto.MetricFamily
		if name == "a metric of another's" {
			others = []*dto.MetricFamily{{Name: new("stanzaflow_condition"), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(1.0)}}}, Type: dto.MetricType_GAUGE.Enum()}}
		} else if _, err := gather(t, tc.samples); (err != nil) != (tc.want != "") {
			t.Errorf("%s: the registry says %v", name, err)
		}
		err := tc.samples.err
		if err == nil {
			err = writeText(&bytes.Buffer{}, tc.samples, others)
		}
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
}
