// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"
)

// serve starts a server that wants a certificate of the client, as pgBackRest does.
func serve(t *testing.T, end time.Time, version uint16) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.Add(-365 * 24 * time.Hour), NotAfter: end}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}, ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: version,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_ = connection.(*tls.Conn).HandshakeContext(context.Background())
			_ = connection.Close()
		}
	}()
	return listener.Addr().String()
}

func TestCertificateEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end     time.Time
		version uint16
	}{
		"good":            {time.Now().AddDate(0, 6, 0).UTC().Truncate(time.Second), tls.VersionTLS13},
		"good, older TLS": {time.Now().AddDate(0, 6, 0).UTC().Truncate(time.Second), tls.VersionTLS12},
		"expired":         {time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), tls.VersionTLS13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := (&Client{}).CertificateEnd(t.Context(), serve(t, tc.end, tc.version))
			if err != nil || !got.Equal(tc.end) {
				t.Errorf("got %s, %v; want %s", got, err, tc.end)
			}
		})
	}
}

// TestCertificateEndUnknown: nobody listens, nobody answers, or it is no TLS.
func TestCertificateEndUnknown(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for name, address := range map[string]string{"silent": silent.Addr().String(), "no port": "127.0.0.1:1", "no address": ":8432"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if end, err := (&Client{}).CertificateEnd(ctx, address); err == nil || !end.IsZero() {
				t.Errorf("got %s, %v; want an error", end, err)
			}
		})
	}
}
