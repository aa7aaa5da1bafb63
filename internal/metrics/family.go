// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"slices"
	"strings"
	"time"

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

// family is a metric of clusters.
type family struct {
	name, help, kind string
	// index of the family in families.
	index int
	// labels of a series, sorted by their names, as Prometheus has them.
	labels []familyLabel
	// values is how many labels a sample brings itself.
	values int
}

// familyLabel is a name, and where its value is: one of the places below, or else which
// value of the sample.
type familyLabel struct {
	name string
	from int
}

// Places of the values that follow from the cluster of a sample.
const (
	fromNamespace = -1 - iota
	fromCluster
	// fromBoth is namespace/cluster.
	fromBoth
)

// The types of metrics of clusters, as in the text for Prometheus.
const (
	typeGauge   = "gauge"
	typeCounter = "counter"
)

// families are all metrics of clusters, in the order of their files.
var families []*family

// newGauge describes a gauge of a cluster: its name, what it says to a DBA, and its labels
// after those of the cluster.
func newGauge(name, help string, labels ...string) *family {
	return newFamily(typeGauge, name, help, labels...)
}

// newCounter describes a counter of a cluster.
func newCounter(name, help string, labels ...string) *family {
	return newFamily(typeCounter, name, help, labels...)
}

func newFamily(kind, name, help string, labels ...string) *family {
	f := &family{name: name, help: help, kind: kind, index: len(families), labels: []familyLabel{{labelNamespace, fromNamespace}, {labelCluster, fromCluster}}}
	for _, label := range labels {
		if label == labelStanza {
			f.labels = append(f.labels, familyLabel{label, fromBoth})
			continue
		}
		f.labels = append(f.labels, familyLabel{label, f.values})
		f.values++
	}
	if f.values > len(values{}) {
		panic(fmt.Sprintf("%s has more than %d labels of its own", name, len(values{})))
	}
	slices.SortFunc(f.labels, func(a, b familyLabel) int { return strings.Compare(a.name, b.name) })
	families = append(families, f)
	return f
}

// scrape is one cluster at the moment of one scrape.
type scrape struct {
	*stanzaflowv1alpha1.Stanza

	now time.Time
	out *samples
	// known is what passes have said of the cluster.
	known known
}

func (s scrape) gauge(of *family, value float64, labels ...string) {
	s.out.add(of, value, valuesOf(of, labels))
}

// flag is 1 for true and 0 for false.
func (s scrape) flag(of *family, value bool, labels ...string) {
	number := 0.0
	if value {
		number = 1
	}
	s.gauge(of, number, labels...)
}

// timestamp shows a moment in seconds since 1970, and nothing if there is none.
func (s scrape) timestamp(of *family, at *metav1.Time, labels ...string) {
	if at != nil {
		s.gauge(of, float64(at.Unix()), labels...)
	}
}

// age shows how long ago a moment was, and nothing if there is none.
func (s scrape) age(of *family, at *metav1.Time, labels ...string) {
	if at != nil {
		s.gauge(of, s.since(at.Time), labels...)
	}
}

// since is in seconds. A moment that another clock puts into the future was just now.
func (s scrape) since(at time.Time) float64 { return max(s.now.Sub(at), 0).Seconds() }
