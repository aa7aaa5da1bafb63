// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"crypto/tls"
	"time"
)

// CertificateEnd implements Servers. A server sends its certificate before it asks
// for that of the client, so the handshake need not succeed.
func (c *Client) CertificateEnd(ctx context.Context, address string) (time.Time, error) {
	var end time.Time
	config := &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // nothing is sent, and only the date is read: it may have passed
		VerifyConnection: func(state tls.ConnectionState) error {
			end = state.PeerCertificates[0].NotAfter
			return nil
		},
	}
	connection, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err == nil {
		_ = connection.Close() // Nothing was sent.
	}
	if !end.IsZero() {
		return end, nil
	}
	return time.Time{}, err
}
