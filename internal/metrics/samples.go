// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"
)

// samples are what one scrape shows of all clusters. A sample takes 16 bytes and no
// pointer: a fleet of 10,000 clusters has 740,000 of them, and for each a
// registry of client_golang allocates 850 bytes.
type samples struct {
	// clusters, and the values of the other labels, each held once.
	clusters []types.NamespacedName
	values   []values
	known    map[values]uint32
	// of are the samples of each of families.
	of [][]sample
	// err is what is wrong with a label.
	err error
}

type sample struct {
	value float64
	// Positions in clusters and values.
	cluster, values uint32
}

// values are those of the labels that a sample brings itself, in the order of newGauge. No
// family has more.
type values [4]string

// newSamples returns room for as many samples of each of families as there were last
// time: to grow a list copies it.
func newSamples(sizes []int) *samples {
	s := &samples{known: map[values]uint32{}, of: make([][]sample, len(families))}
	for i, size := range sizes {
		s.of[i] = make([]sample, 0, size+size/32)
	}
	return s
}

// sizes are how many samples each of families has.
func (s *samples) sizes() []int {
	sizes := make([]int, len(s.of))
	for i := range s.of {
		sizes[i] = len(s.of[i])
	}
	return sizes
}

// begin says of which cluster the next samples are.
func (s *samples) begin(cluster types.NamespacedName) {
	s.check(cluster.Namespace)
	s.check(cluster.Name)
	s.clusters = append(s.clusters, cluster)
}

// valuesOf are the values of a sample. Another number of them than the family has labels
// is our mistake.
func valuesOf(of *family, labels []string) values {
	if len(labels) != of.values {
		panic(fmt.Sprintf("%s has %d labels of its own, not the values %q", of.name, of.values, labels))
	}
	var v values
	copy(v[:], labels)
	return v
}

// add appends a sample of the cluster that has begun.
func (s *samples) add(of *family, value float64, v values) {
	at, ok := s.known[v]
	if !ok {
		for i := range v {
			s.check(v[i])
		}
		at = uint32(len(s.values)) //nolint:gosec // There are a few thousand words.
		s.values, s.known[v] = append(s.values, v), at
	}
	s.of[of.index] = append(s.of[of.index], sample{value: value, cluster: uint32(len(s.clusters) - 1), values: at}) //nolint:gosec // There are not that many clusters.
}

func (s *samples) check(value string) {
	if s.err == nil && !utf8.ValidString(value) {
		s.err = fmt.Errorf("cannot show %q as the value of a label: it is not UTF-8", value)
	}
}

// sorted returns the samples of a family in the order of a registry: by the values of their
// labels, in the order of the names of these. It fails if two have the same labels.
func (s *samples) sorted(of *family) ([]sample, error) {
	found := s.of[of.index]
	slices.SortFunc(found, func(a, b sample) int { return s.compare(of, a, b) })
	for i := 1; i < len(found); i++ {
		if s.compare(of, found[i-1], found[i]) == 0 {
			cluster := s.clusters[found[i].cluster]
			return nil, fmt.Errorf("two series %s of %s have the same labels %q", of.name, cluster, s.values[found[i].values][:of.values])
		}
	}
	return found, nil
}

func (s *samples) compare(of *family, a, b sample) int {
	for _, label := range of.labels {
		var order int
		switch label.from {
		case fromNamespace:
			order = strings.Compare(s.clusters[a.cluster].Namespace, s.clusters[b.cluster].Namespace)
		case fromCluster:
			order = strings.Compare(s.clusters[a.cluster].Name, s.clusters[b.cluster].Name)
		case fromBoth: // Decided by the two others, whose names come first.
		default:
			if a.values != b.values {
				order = strings.Compare(s.values[a.values][label.from], s.values[b.values][label.from])
			}
		}
		if order != 0 {
			return order
		}
	}
	return 0
}
