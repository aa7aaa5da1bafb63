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

// Cache visits the Stanzas that the operator knows, one after the other. The context ends
// only the wait for a cache that is not filled. The cache of its manager is one.
type Cache interface {
	Each(ctx context.Context, example client.Object, visit func(client.Object) error) error
}

// Options say what a Collector shows.
type Options struct {
	Stanzas Cache
	Clock   clock.PassiveClock
	// Leads reports whether this replica makes the passes. The others show no clusters.
	Leads func() bool
	// Version and Mode of the operator.
	Version, Mode string
}

// Collector knows the metrics of all clusters of the operator.
type Collector struct {
	options Options
	process process
	steps   steps
	// sizes are how many samples of each of families the last scrape had.
	sizes []int

	mu     sync.Mutex
	passes map[types.NamespacedName]*known
	// scrapes counts them.
	scrapes uint64
}

// New returns a Collector that knows of no pass yet.
func New(options Options) *Collector {
	return &Collector{options: options, process: newProcess(options), steps: newSteps(), passes: map[types.NamespacedName]*known{}}
}

// collect returns the samples of all clusters, and the metrics that are of no cluster. Two
// scrapes must not collect at the same time. If not every Stanza can be read, it fails.
func (c *Collector) collect(ctx context.Context) (*samples, []prometheus.Gatherer, error) {
	leads := c.options.Leads()
	c.process.lead(leads)
	if !leads {
		return newSamples(nil), []prometheus.Gatherer{c.process}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	out, now := newSamples(c.sizes), c.options.Clock.Now()
	c.mu.Lock()
	c.scrapes++
	c.mu.Unlock()
	err := c.options.Stanzas.Each(ctx, &stanzaflowv1alpha1.Stanza{}, func(o client.Object) error {
		stanza, ok := o.(*stanzaflowv1alpha1.Stanza)
		if !ok {
			return fmt.Errorf("%T is no Stanza", o)
		}
		out.begin(client.ObjectKeyFromObject(stanza))
		show(scrape{Stanza: stanza, now: now, out: out, known: c.recall(out)})
		return out.err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("cannot list the Stanzas: %w", err)
	}
	c.forget()
	c.sizes = out.sizes()
	return out, []prometheus.Gatherer{c.process, c.steps}, nil
}

// show shows one cluster, without its counters.
func show(s scrape) {
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

// recall returns what passes have said of the cluster that has begun, and shows its
// counters.
func (c *Collector) recall(out *samples) known {
	c.mu.Lock()
	defer c.mu.Unlock()
	is, ok := c.passes[out.clusters[len(out.clusters)-1]]
	if !ok {
		return known{}
	}
	is.scrape = c.scrapes
	for _, counter := range is.counters {
		out.add(counter.of, float64(counter.number), counter.values.Value())
	}
	return *is
}

// forget drops what passes have said of clusters that are gone. Those whose first pass came
// during the scrape stay.
func (c *Collector) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, is := range c.passes {
		if is.scrape != c.scrapes {
			delete(c.passes, key)
		}
	}
}
