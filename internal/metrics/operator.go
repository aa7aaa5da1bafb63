// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/prometheus/client_golang/prometheus"

// process shows this replica of the operator.
type process struct {
	*prometheus.Registry

	leader prometheus.Gauge
}

func newProcess(options Options) process {
	p := process{Registry: prometheus.NewRegistry(), leader: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "stanzaflow_leader",
		Help: "1 if this replica of the operator makes the passes. If no replica has 1, nobody starts, repairs or reports anything.",
	})}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "stanzaflow_build_info",
		Help:        "Always 1. The labels say which release of the operator runs, and in which mode.",
		ConstLabels: prometheus.Labels{"version": options.Version, "mode": options.Mode},
	})
	info.Set(1)
	p.MustRegister(p.leader, info)
	return p
}

// lead says whether this replica makes the passes.
func (p process) lead(leads bool) {
	number := 0.0
	if leads {
		number = 1
	}
	p.leader.Set(number)
}
