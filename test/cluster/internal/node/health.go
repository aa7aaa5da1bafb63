// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// probe asks daemons for their health. Only the node itself can reach the ports, so
// the answer needs no further proof.
var probe = &http.Client{
	Timeout: 5 * time.Second,
	Transport: &http.Transport{
		DialContext:       dialInNode,
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // Self-signed health ports on the loopback of our own namespace.
	},
}

// healthy returns an error that says what is wrong with a daemon, or nil.
func (d daemon) healthy(ctx context.Context) error {
	switch {
	case d.socket != "":
		return runtimeHealthy(ctx, d.socket)
	case d.health != "":
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.health, http.NoBody)
		if err != nil {
			return err
		}
		response, err := probe.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
			return fmt.Errorf("%s answers %s: %s", d.health, response.Status, strings.TrimSpace(string(body)))
		}
	}
	return nil
}

// runtimeHealthy asks a container runtime for its version, as the kubelet does, which
// gives up if this fails: containerd listens before it can serve. It is a gRPC call
// with an empty message.
func runtimeHealthy(ctx context.Context, socket string) error {
	transport := &http.Transport{
		Protocols:         new(http.Protocols),
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	const method, frame = "http://localhost/runtime.v1.RuntimeService/Version", "\x00\x00\x00\x00\x00"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, method, strings.NewReader(frame))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	response, err := (&http.Client{Timeout: 5 * time.Second, Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	// The status comes after the body, or with the header if there is no body.
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	of := func(name string) string { return cmp.Or(response.Trailer.Get(name), response.Header.Get(name)) }
	if code := of("Grpc-Status"); code != "0" {
		return fmt.Errorf("%s answers gRPC status %q: %s", socket, code, of("Grpc-Message"))
	}
	return nil
}
