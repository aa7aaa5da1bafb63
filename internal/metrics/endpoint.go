// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"

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
	case !e.Secure:
		return server, nil
	}
	server.SecureServing, server.FilterProvider = true, filters.WithAuthenticationAndAuthorization
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
