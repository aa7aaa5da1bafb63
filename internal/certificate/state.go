// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// State is all that is known about the certificates of a cluster. A Pair that does
// not exist or could not be read is nil.
type State struct {
	// Current signs. Next is already trusted and will sign. Previous is still
	// trusted and has no key any more.
	Current, Next, Previous *Pair
	// Client is the leaf of the PostgreSQL pods, RepoHost that of the repo host.
	Client, RepoHost *Pair
}

// Pair is a certificate with its key.
type Pair struct {
	Certificate *x509.Certificate
	// Key is nil if it is missing or does not belong to the certificate.
	Key *ecdsa.PrivateKey
}

// Names are the names in the leafs: a peer is authorised by the common name and
// reached by the DNS names.
type Names struct {
	CommonName string
	DNSNames   []string
}

// Files of the authorities in the Secret that holds a State. The leafs have
// CPO's names there too.
const (
	fileCurrentCert  = "ca.crt"
	fileCurrentKey   = "ca.key"
	fileNextCert     = "next-ca.crt"
	fileNextKey      = "next-ca.key"
	filePreviousCert = "previous-ca.crt"
)

const (
	blockCertificate = "CERTIFICATE"
	blockKey         = "PRIVATE KEY"
)

// part is a Pair with the files that it is stored in. Previous has no key.
type part struct {
	pair      **Pair
	cert, key string
}

func (s *State) parts() []part {
	return []part{
		{&s.Current, fileCurrentCert, fileCurrentKey},
		{&s.Next, fileNextCert, fileNextKey},
		{&s.Previous, filePreviousCert, ""},
		{&s.Client, cpo.FileClientCert, cpo.FileClientKey},
		{&s.RepoHost, cpo.FileRepoHostCert, cpo.FileRepoHostKey},
	}
}

// Encode returns the data of a Secret, which Decode reads. Only the operator may
// read that Secret: it holds the keys of the authorities.
func (s State) Encode() (map[string][]byte, error) {
	data := map[string][]byte{}
	for _, p := range s.parts() {
		if err := encodePair(data, *p.pair, p.cert, p.key); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// Secret returns the data of CPO's Secret, for the pods: the leafs and every
// trusted authority.
func (s State) Secret() (map[string][]byte, error) {
	data := map[string][]byte{cpo.FileCARoots: s.bundle()}
	for _, p := range s.parts()[3:] {
		if err := encodePair(data, *p.pair, p.cert, p.key); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// bundle returns the trusted authorities; the one that signs comes first.
func (s State) bundle() []byte {
	var bundle bytes.Buffer
	for _, authority := range s.trusted() {
		bundle.Write(encodeCertificate(authority))
	}
	return bundle.Bytes()
}

func (s State) trusted() []*x509.Certificate {
	var trusted []*x509.Certificate
	for _, authority := range []*Pair{s.Current, s.Next, s.Previous} {
		if authority != nil {
			trusted = append(trusted, authority.Certificate)
		}
	}
	return trusted
}

func encodePair(data map[string][]byte, pair *Pair, certFile, keyFile string) error {
	if pair == nil {
		return nil
	}
	data[certFile] = encodeCertificate(pair.Certificate)
	if pair.Key == nil || keyFile == "" {
		return nil
	}
	// OpenSSL reads this format on its own.
	der, err := x509.MarshalPKCS8PrivateKey(pair.Key)
	if err != nil {
		return errors.New("cannot encode " + keyFile)
	}
	data[keyFile] = pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: der})
	return nil
}

func encodeCertificate(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: certificate.Raw})
}

// Decode reads the data that Encode returned. The error names the files that
// cannot be read and repeats nothing of their content. The State holds all other
// files and can be renewed.
func Decode(data map[string][]byte) (State, error) {
	var s State
	var broken []string
	for _, p := range s.parts() {
		pair, bad := decodePair(data, p.cert, p.key)
		*p.pair = pair
		broken = append(broken, bad...)
	}
	if len(broken) > 0 {
		return s, errors.New("cannot read " + strings.Join(broken, ", "))
	}
	return s, nil
}

func decodePair(data map[string][]byte, certFile, keyFile string) (pair *Pair, broken []string) {
	certData, certThere := data[certFile]
	keyData, keyThere := data[keyFile]
	if !certThere {
		if keyThere {
			return nil, []string{certFile}
		}
		return nil, nil
	}
	certificate := decodeCertificate(certData)
	if certificate == nil {
		return nil, []string{certFile}
	}
	pair = &Pair{Certificate: certificate}
	if keyFile == "" {
		return pair, nil
	}
	if pair.Key = decodeKey(keyData); pair.Key == nil || !pair.Key.PublicKey.Equal(certificate.PublicKey) {
		pair.Key = nil
		return pair, []string{keyFile}
	}
	return pair, nil
}

func decodeCertificate(data []byte) *x509.Certificate {
	certificate, err := x509.ParseCertificate(onlyBlock(data, blockCertificate))
	if err != nil {
		return nil
	}
	return certificate
}

func decodeKey(data []byte) *ecdsa.PrivateKey {
	parsed, err := x509.ParsePKCS8PrivateKey(onlyBlock(data, blockKey))
	if err != nil {
		return nil
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil
	}
	return key
}

// onlyBlock returns the content of the only PEM block, nil if there is not exactly
// one of the kind.
func onlyBlock(data []byte, kind string) []byte {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 {
		return nil
	}
	return block.Bytes
}

// Equal reports whether two States are the same, byte for byte.
func (s State) Equal(other State) bool {
	a, err := s.Encode()
	if err != nil {
		return false
	}
	b, err := other.Encode()
	return err == nil && maps.EqualFunc(a, b, bytes.Equal)
}

// NotAfter returns when the first leaf expires, zero without leafs.
func (s State) NotAfter() time.Time {
	var first time.Time
	for _, leaf := range []*Pair{s.Client, s.RepoHost} {
		if leaf != nil && (first.IsZero() || leaf.Certificate.NotAfter.Before(first)) {
			first = leaf.Certificate.NotAfter
		}
	}
	return first
}

// Duration returns the life of a leaf, zero without an authority.
func (s State) Duration() time.Duration {
	if s.Current == nil {
		return 0
	}
	return life(s.Current.Certificate) / authorityLives
}

func life(certificate *x509.Certificate) time.Duration {
	return certificate.NotAfter.Sub(certificate.NotBefore)
}
