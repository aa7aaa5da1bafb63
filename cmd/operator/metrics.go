// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	registry "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/stanzaflow/stanzaflow/internal/metrics"
)

// metricsOptions say where Prometheus reads, and who may.
type metricsOptions struct {
	address, certificates string
	secure                bool
}

func (options *metricsOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&options.address, "metrics-bind-address", ":8443", "where to serve metrics, 0 for nowhere")
	flags.BoolVar(&options.secure, "metrics-secure", true, "serve metrics by https, and only to callers that may get /metrics. If false, by http and to everybody who reaches the port")
	flags.StringVar(&options.certificates, "metrics-cert-path", "", "folder with tls.crt and tls.key for the metrics; by default the operator makes a certificate of its own at each start")
}

// endpoint is the endpoint as kubebuilder makes it: https with HTTP/1.1, and the API server
// says who may read.
func (options metricsOptions) endpoint() (metricsserver.Options, error) {
	endpoint := metricsserver.Options{BindAddress: options.address}
	if options.address == "0" {
		return endpoint, nil
	}
	if !options.secure {
		if options.certificates != "" {
			return endpoint, fmt.Errorf("--metrics-cert-path is for --metrics-secure=true only: without it nothing is encrypted")
		}
		return endpoint, nil
	}
	endpoint.SecureServing, endpoint.FilterProvider = true, filters.WithAuthenticationAndAuthorization
	// HTTP/2 lets a caller that is not known yet use up memory (CVE-2023-44487).
	endpoint.TLSOpts = []func(*tls.Config){func(config *tls.Config) { config.NextProtos = []string{"http/1.1"} }}
	if options.certificates == "" {
		return endpoint, nil
	}
	// Without the files controller-runtime would serve a certificate that nobody trusts.
	const certificate, key = "tls.crt", "tls.key"
	if _, err := tls.LoadX509KeyPair(filepath.Join(options.certificates, certificate), filepath.Join(options.certificates, key)); err != nil {
		return endpoint, fmt.Errorf("--metrics-cert-path: cannot use %s and %s of %s: %w", certificate, key, options.certificates, err)
	}
	endpoint.CertDir, endpoint.CertName, endpoint.KeyName = options.certificates, certificate, key
	return endpoint, nil
}

// collect has the endpoint show the clusters of a manager, while it leads.
func collect(mgr ctrl.Manager, mode string) (*metrics.Collector, error) {
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
