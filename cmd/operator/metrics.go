// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	registry "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stanzaflow/stanzaflow/internal/metrics"
)

func addMetricsFlags(flags *pflag.FlagSet, endpoint *metrics.Endpoint) {
	flags.StringVar(&endpoint.Address, "metrics-bind-address", ":8443", "where to serve metrics, 0 for nowhere")
	flags.BoolVar(&endpoint.Secure, "metrics-secure", true, "serve metrics by https, and only to callers that may get /metrics. If false, by http and to everybody who reaches the port")
	flags.StringVar(&endpoint.Certificates, "metrics-cert-path", "", "folder with tls.crt and tls.key for the metrics; by default the operator makes a certificate of its own at each start")
}

// showMetrics has the endpoint show the clusters of a manager, while it leads.
func showMetrics(mgr ctrl.Manager, mode string) (*metrics.Collector, error) {
	collector := metrics.New(metrics.Options{
		Stanzas: mgr.GetCache(), Clock: clock.RealClock{}, Version: version, Mode: mode,
		Leads: func() bool {
			select {
			case <-mgr.Elected():
				return true
			default:
				return false
			}
		},
	})
	if err := registry.Registry.Register(collector); err != nil {
		return nil, fmt.Errorf("cannot register the metrics: %w", err)
	}
	return collector, nil
}
