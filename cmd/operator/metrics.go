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

// newPage returns the page for the endpoint of a manager. It has no clusters yet.
func newPage() *metrics.Page { return metrics.NewPage(registry.Registry, clock.RealClock{}) }

// showMetrics has a page show the clusters of a manager, while it leads.
func showMetrics(page *metrics.Page, mgr ctrl.Manager, mode string) (*metrics.Collector, error) {
	stanzas, ok := mgr.GetCache().(metrics.Cache)
	if !ok {
		return nil, fmt.Errorf("cannot show the metrics: %T visits no Stanzas", mgr.GetCache())
	}
	collector := metrics.New(metrics.Options{
		Stanzas: stanzas, Clock: clock.RealClock{}, Version: version, Mode: mode,
		Leads: func() bool {
			select {
			case <-mgr.Elected():
				return true
			default:
				return false
			}
		},
	})
	page.Show(collector)
	return collector, nil
}
