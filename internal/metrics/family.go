// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// Labels that several families have.
const (
	labelNamespace = "namespace"
	labelCluster   = "cluster"
	labelRepo      = "repo"
	labelType      = "type"
	labelResult    = "result"
	labelStep      = "step"
)

// families are all gauges of clusters, in the order of their files.
var families []*prometheus.Desc

// newGauge describes a gauge of a cluster: its name, what it says to a DBA, and its labels
// after those of the cluster.
func newGauge(name, help string, labels ...string) *prometheus.Desc {
	desc := prometheus.NewDesc(name, help, append([]string{labelNamespace, labelCluster}, labels...), nil)
	families = append(families, desc)
	return desc
}

// scrape is one cluster at the moment of one scrape.
type scrape struct {
	*stanzaflowv1alpha1.Stanza

	now time.Time
	out chan<- prometheus.Metric
	// known is what passes have said of the cluster.
	known known
}

func (s scrape) gauge(desc *prometheus.Desc, value float64, labels ...string) {
	s.out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{s.Namespace, s.Name}, labels...)...)
}

// flag is 1 for true and 0 for false.
func (s scrape) flag(desc *prometheus.Desc, value bool, labels ...string) {
	number := 0.0
	if value {
		number = 1
	}
	s.gauge(desc, number, labels...)
}

// timestamp shows a moment in seconds since 1970, and nothing if there is none.
func (s scrape) timestamp(desc *prometheus.Desc, at *metav1.Time, labels ...string) {
	if at != nil {
		s.gauge(desc, float64(at.Unix()), labels...)
	}
}

// age shows how long ago a moment was, and nothing if there is none.
func (s scrape) age(desc *prometheus.Desc, at *metav1.Time, labels ...string) {
	if at != nil {
		s.gauge(desc, s.since(at.Time), labels...)
	}
}

// since is in seconds. A moment that another clock puts into the future was just now.
func (s scrape) since(at time.Time) float64 { return max(s.now.Sub(at), 0).Seconds() }
