// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"
)

// maxSkew is how far the clock of a pod may be behind ours.
const maxSkew = 5 * time.Minute

// issuer makes certificates. The keys come from Go's own source of randomness,
// which no argument can replace; random is for the serial numbers.
type issuer struct {
	duration time.Duration
	now      time.Time
	random   io.Reader
}

// skew is how far a certificate is dated back. A short life allows for little.
func skew(life time.Duration) time.Duration {
	return min(maxSkew, life/10).Truncate(time.Second)
}

func (i issuer) authority(cluster string) (*Pair, error) {
	serial, err := i.serial()
	if err != nil {
		return nil, err
	}
	notBefore := i.now.Add(-skew(i.duration))
	return i.sign(nil, &x509.Certificate{
		SerialNumber: serial,
		// Several authorities of a cluster are in one bundle, where OpenSSL
		// looks for them by their names.
		Subject: pkix.Name{
			Organization: []string{"stanzaflow"}, OrganizationalUnit: []string{cluster},
			CommonName: fmt.Sprintf("ca-%x", serial),
		},
		NotBefore:             notBefore,
		NotAfter:              notBefore.Add(authorityLives * i.duration),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	})
}

// leaf makes a certificate for a client and a server: both ends open connections.
// It never outlives its authority.
func (i issuer) leaf(authority *Pair, names Names) (*Pair, error) {
	serial, err := i.serial()
	if err != nil {
		return nil, err
	}
	notBefore := i.now.Add(-skew(min(i.duration, authority.Certificate.NotAfter.Sub(i.now))))
	if authority.Certificate.NotBefore.After(notBefore) {
		notBefore = authority.Certificate.NotBefore
	}
	notAfter := notBefore.Add(i.duration)
	if authority.Certificate.NotAfter.Before(notAfter) {
		notAfter = authority.Certificate.NotAfter
	}
	return i.sign(authority, &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: names.CommonName},
		DNSNames:              slices.Clone(names.DNSNames),
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	})
}

// sign makes the key of a certificate and signs the certificate. Without an
// authority the certificate signs itself.
func (i issuer) sign(authority *Pair, template *x509.Certificate) (*Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), i.random)
	if err != nil {
		return nil, fmt.Errorf("cannot make a key: %w", err)
	}
	if authority == nil {
		authority = &Pair{Certificate: template, Key: key}
	}
	der, err := x509.CreateCertificate(i.random, template, authority.Certificate, &key.PublicKey, authority.Key)
	if err != nil {
		return nil, fmt.Errorf("cannot sign a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("cannot read a certificate that was just signed: %w", err)
	}
	return &Pair{Certificate: certificate, Key: key}, nil
}

// serial returns a positive number of 63 bits.
func (i issuer) serial() (*big.Int, error) {
	b := make([]byte, 8)
	if _, err := io.ReadFull(i.random, b); err != nil {
		return nil, fmt.Errorf("cannot make a serial number: %w", err)
	}
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b), nil
}
