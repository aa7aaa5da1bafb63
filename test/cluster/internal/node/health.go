// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// probe asks daemons for their health. The ports are reachable only from inside
// the node, so that who answers needs no further proof.
var probe = &http.Client{
	Timeout: 5 * time.Second,
	Transport: &http.Transport{
		DialContext:       dialInNode,
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // Self-signed health ports on the loopback of our own namespace.
	},
}

// healthy says what is wrong with a daemon, nil if nothing is.
func (d daemon) healthy(ctx context.Context) error {
	switch {
	case d.socket != "":
		conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", d.socket)
		if err != nil {
			return err
		}
		return conn.Close()
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
