// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package kube talks to the API server. It applies with the kubectl that is built
// with the cluster, because kubectl has server-side apply and kustomize. It reads with
// plain requests, because it reads often.
package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
)

// Client acts as the cluster's administrator.
type Client struct {
	dirs layout.Dirs
	http func() (*http.Client, error)
}

// New returns a client. It reads the certificates at the first request, because they
// may not exist yet.
func New(dirs layout.Dirs) *Client {
	return &Client{dirs: dirs, http: sync.OnceValues(func() (*http.Client, error) { return newHTTP(dirs.PKI()) })}
}

func newHTTP(pki string) (*http.Client, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(pki, "admin.crt"), filepath.Join(pki, "admin.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(pki, "ca.crt")) //nolint:gosec // Our own file.
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("no certificate in " + filepath.Join(pki, "ca.crt"))
	}
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{
			Certificates: []tls.Certificate{cert}, RootCAs: roots, MinVersion: tls.VersionTLS12,
		}},
	}, nil
}

// ErrNotFound says that the API server has no such object.
var ErrNotFound = errors.New("not found")

// Get reads an object, or a list, by its path.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	client, err := c.http()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, node.ServerURL+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		return json.NewDecoder(response.Body).Decode(into)
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w", path, ErrNotFound)
	default:
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
		return fmt.Errorf("%s: %s: %s", path, response.Status, strings.TrimSpace(string(body)))
	}
}
