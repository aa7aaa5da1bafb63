// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	buildInfo = prometheus.NewDesc("stanzaflow_build_info",
		"Always 1. The labels say which release of the operator runs, and in which mode.", []string{"version", "mode"}, nil)
	leader = prometheus.NewDesc("stanzaflow_leader",
		"1 if this replica of the operator makes the passes. If no replica has 1, nobody starts, repairs or reports anything.", nil, nil)
)

// operator shows this process.
func (c *Collector) operator(out chan<- prometheus.Metric, leads bool) {
	number := 0.0
	if leads {
		number = 1
	}
	out <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, c.options.Version, c.options.Mode)
	out <- prometheus.MustNewConstMetric(leader, prometheus.GaugeValue, number)
}
