// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// storeTLS gives the server of a store a certificate of a CA of its own, and one that
// has expired. It returns that CA.
func (s *Set) storeTLS(t testing.TB, hosts ...string) string {
	t.Helper()
	now := time.Now()
	caKey, ca := newCertificate(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "store CA"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	names := make([]string, len(hosts))
	for i, host := range hosts {
		names[i] = host + "." + s.kit.Namespace + ".svc"
	}
	caPEM := pemText("CERTIFICATE", ca.Raw)
	for secret, notAfter := range map[string]time.Time{"store-tls": now.Add(24 * time.Hour), "store-tls-expired": now.Add(-time.Minute)} {
		key, leaf := newCertificate(t, &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: hosts[0]}, NotBefore: now.Add(-time.Hour), NotAfter: notAfter,
			DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, ca, caKey)
		keyDER, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		s.kit.WriteSecret(t, secret, map[string]string{
			"ca.crt": caPEM, "tls.crt": pemText("CERTIFICATE", leaf.Raw), "tls.key": pemText("PRIVATE KEY", keyDER),
		})
	}
	return caPEM
}

// newCertificate signs itself if it has no parent.
func newCertificate(t testing.TB, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
