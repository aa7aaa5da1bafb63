// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Endpoint says where Prometheus reads, and who may.
type Endpoint struct {
	// Address to listen at. 0 means nowhere.
	Address string
	// Secure means https, and that the API server says of each caller whether it may get
	// /metrics.
	Secure bool
	// Certificates is a folder with tls.crt and tls.key. Empty means a certificate that is
	// made at each start.
	Certificates string
	// Page is what to serve. By default it is what controller-runtime serves.
	Page http.Handler
}

// nowhere is the address of no endpoint.
const nowhere = "0"

// Names of the files in a folder of certificates, those of a Secret of type
// kubernetes.io/tls.
const (
	certificateFile = "tls.crt"
	keyFile         = "tls.key"
)

// Server returns the server of an endpoint as kubebuilder makes it.
func (e Endpoint) Server() (metricsserver.Options, error) {
	server := metricsserver.Options{BindAddress: e.Address}
	switch {
	case e.Address == nowhere:
		return server, nil
	case !e.Secure && e.Certificates != "":
		return server, errors.New("a certificate is for https only: without --metrics-secure nothing is encrypted")
	}
	if e.Secure {
		server.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	if e.Page != nil {
		server.FilterProvider = behind(server.FilterProvider, e.Page)
	}
	if !e.Secure {
		return server, nil
	}
	server.SecureServing = true
	// HTTP/2 lets a caller that is not known yet use up memory (CVE-2023-44487).
	server.TLSOpts = []func(*tls.Config){func(config *tls.Config) { config.NextProtos = []string{"http/1.1"} }}
	if e.Certificates == "" {
		return server, nil
	}
	// Without the files controller-runtime would serve a certificate that nobody trusts.
	if _, err := tls.LoadX509KeyPair(filepath.Join(e.Certificates, certificateFile), filepath.Join(e.Certificates, keyFile)); err != nil {
		return server, fmt.Errorf("cannot use %s and %s of the folder %s: %w", certificateFile, keyFile, e.Certificates, err)
	}
	server.CertDir, server.CertName, server.KeyName = e.Certificates, certificateFile, keyFile
	return server, nil
}

// behind puts the page into the place of what controller-runtime serves, behind a filter. No
// filter lets everybody through.
func behind[Config any](filter func(Config, *http.Client) (metricsserver.Filter, error), page http.Handler) func(Config, *http.Client) (metricsserver.Filter, error) {
	return func(config Config, client *http.Client) (metricsserver.Filter, error) {
		around := func(_ logr.Logger, handler http.Handler) (http.Handler, error) { return handler, nil }
		if filter != nil {
			var err error
			if around, err = filter(config, client); err != nil {
				return nil, err
			}
		}
		return func(log logr.Logger, _ http.Handler) (http.Handler, error) { return around(log, page) }, nil
	}
}
