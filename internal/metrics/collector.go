// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// listTimeout ends a scrape whose cache is not filled yet.
const listTimeout = 5 * time.Second

// Lister lists the Stanzas that the operator knows. The cache of its manager is one.
type Lister interface {
	List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error
}

// Options say what a Collector shows.
type Options struct {
	Stanzas Lister
	Clock   clock.PassiveClock
	// Leads reports whether this replica makes the passes. The others show no clusters.
	Leads func() bool
	// Version and Mode of the operator.
	Version, Mode string
}

// Collector is a prometheus.Collector for all clusters of the operator.
type Collector struct {
	options Options
	runs    runs

	mu     sync.Mutex
	passes map[types.NamespacedName]known
}

var _ prometheus.Collector = &Collector{}

// New returns a Collector that knows of no pass yet.
func New(options Options) *Collector {
	return &Collector{options: options, runs: newRuns(), passes: map[types.NamespacedName]known{}}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	out <- buildInfo
	out <- leader
	for _, desc := range families {
		out <- desc
	}
	c.runs.Describe(out)
}

// Collect implements prometheus.Collector. If the cache cannot be listed, the scrape fails:
// half of the clusters would look like all of them.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	leads := c.options.Leads()
	c.operator(out, leads)
	if !leads {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), listTimeout)
	defer cancel()
	var stanzas stanzaflowv1alpha1.StanzaList
	// Nothing below changes what the cache holds.
	if err := c.options.Stanzas.List(ctx, &stanzas, client.UnsafeDisableDeepCopy); err != nil {
		out <- prometheus.NewInvalidMetric(leader, fmt.Errorf("cannot list the Stanzas: %w", err))
		return
	}
	passes := c.forget(stanzas.Items)
	now := c.options.Clock.Now()
	for i := range stanzas.Items {
		stanza := &stanzas.Items[i]
		collect(scrape{Stanza: stanza, now: now, out: out, known: passes[client.ObjectKeyFromObject(stanza)]})
	}
	c.runs.Collect(out)
}

// collect shows one cluster.
func collect(s scrape) {
	conditions(s)
	schedules(s)
	lastRuns(s)
	provenBackups(s)
	archive(s)
	recoverable(s)
	drills(s)
	watch(s)
	repos(s)
	certificate(s)
	exporter(s)
}

// forget drops what passes have said of clusters that are gone, and returns the rest.
func (c *Collector) forget(stanzas []stanzaflowv1alpha1.Stanza) map[types.NamespacedName]known {
	present := make(map[types.NamespacedName]known, len(stanzas))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range stanzas {
		key := client.ObjectKeyFromObject(&stanzas[i])
		if known, ok := c.passes[key]; ok {
			present[key] = known
		}
	}
	for key := range c.passes {
		if _, ok := present[key]; !ok {
			delete(c.passes, key)
			c.runs.forget(key)
		}
	}
	return present
}
