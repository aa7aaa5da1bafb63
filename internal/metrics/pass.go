// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Pass is what a pass over a cluster knows and its status does not hold, because it would
// have to be written for it again and again.
type Pass struct {
	// Watched is when a watch has last asked the primary. Zero if none has yet.
	Watched time.Time
	// WatchInterval is how often a watch asks, and WatchMaxAge how old its answer may be
	// before it counts as blind. Zero without a watch.
	WatchInterval, WatchMaxAge time.Duration
	// Runway is how long pg_wal must be able to grow if archiving fails. Zero without a
	// watch.
	Runway time.Duration
	// Waiting is how many runs of the cluster wait for another one.
	Waiting int
	// Ended are the runs whose end this pass is the first to see.
	Ended []Run
	// Schedules are those in force. Their counters begin at 0, because Prometheus cannot
	// see the increase of a counter that begins at 1.
	Schedules []Schedule
}

// Schedule is one backup type of one repo.
type Schedule struct{ Repo, Type string }

// known is what the passes over a cluster have said.
type known struct {
	// Pass is the last one, without what is counted.
	Pass

	// first is when this process has made a pass over the cluster.
	first time.Time
	// counters since then.
	counters []counter
	// scrape is the last one that has shown the cluster, or during which its first pass was.
	scrape uint64
}

// Passed remembers a pass over a cluster whose status is written.
func (c *Collector) Passed(key types.NamespacedName, pass Pass) {
	c.mu.Lock()
	defer c.mu.Unlock()
	is, ok := c.passes[key]
	if !ok {
		is = &known{first: c.options.Clock.Now(), scrape: c.scrapes}
		c.passes[key] = is
	}
	is.count(pass)
	c.steps.observe(pass.Ended)
	is.Pass = pass
	is.Ended, is.Schedules = nil, nil
}
