// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// validity is longer than the life of any checkout: an expired certificate would look
// like a broken cluster.
const validity = 10 * 365 * 24 * time.Hour

// pki creates keys and certificates in one directory.
type pki struct{ dir string }

func (p pki) crt(name string) string { return filepath.Join(p.dir, name+".crt") }
func (p pki) key(name string) string { return filepath.Join(p.dir, name+".key") }

// client is an identity at the API server, and its certificate.
type client struct {
	name   string // also the name of the files
	user   string
	groups []string
}

// Clients that have a kubeconfig. A daemon's client has the daemon's name without the
// common prefix.
const (
	admin             = "admin"
	controllerManager = "controller-manager"
	scheduler         = "scheduler"
)

var clients = []client{
	{name: admin, user: admin, groups: []string{"system:masters"}},
	{name: controllerManager, user: "system:kube-controller-manager"},
	{name: scheduler, user: "system:kube-scheduler"},
	{name: kubeProxy, user: "system:kube-proxy"},
	{name: kubelet, user: "system:node:" + Name, groups: []string{"system:nodes"}},
	{name: "apiserver-kubelet-client", user: "apiserver-kubelet-client", groups: []string{"system:masters"}},
}

// ensure creates everything unless it exists. The last file marks the set as complete:
// an incomplete set is created again as a whole.
func (p pki) ensure() error {
	complete := filepath.Join(p.dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return nil
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}

	ca, err := p.newAuthority("ca", "stanzaflow-cluster")
	if err != nil {
		return err
	}
	front, err := p.newAuthority("front-proxy-ca", "stanzaflow-cluster-front-proxy")
	if err != nil {
		return err
	}
	for _, c := range clients {
		if err := p.issue(ca, c.name, &x509.Certificate{
			Subject:     pkix.Name{CommonName: c.user, Organization: c.groups},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}); err != nil {
			return err
		}
	}
	if err := p.issue(front, "front-proxy-client", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "front-proxy-client"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return err
	}
	if err := p.issue(ca, "apiserver", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{
			"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		},
		IPAddresses: []net.IP{net.ParseIP(IP), net.ParseIP(serviceIP), net.IPv4(127, 0, 0, 1)},
	}); err != nil {
		return err
	}
	if err := p.issue(ca, "kubelet-server", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "system:node:" + Name, Organization: []string{"system:nodes"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{Name},
		IPAddresses: []net.IP{net.ParseIP(IP), net.IPv4(127, 0, 0, 1)},
	}); err != nil {
		return err
	}
	if err := p.serviceAccountKey(); err != nil {
		return err
	}
	return os.WriteFile(complete, nil, 0o600)
}

type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (p pki) newAuthority(name, commonName string) (authority, error) {
	key, err := p.newKey(name)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := p.sign(name, template, template, key.Public(), key)
	return authority{cert: cert, key: key}, err
}

// issue creates a key and a certificate for it that the authority signs.
func (p pki) issue(by authority, name string, template *x509.Certificate) error {
	key, err := p.newKey(name)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	_, err = p.sign(name, template, by.cert, key.Public(), by.key)
	return err
}

func (p pki) sign(name string, template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	// Backdate it by an hour, for a machine whose clock is set after the first start.
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, err
	}
	if err := writePEM(p.crt(name), "CERTIFICATE", der); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func (p pki) newKey(name string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(p.key(name), "PRIVATE KEY", der)
}

// serviceAccountKey creates the pair that signs and checks service account tokens.
func (p pki) serviceAccountKey() error {
	key, err := p.newKey("service-account")
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return writePEM(filepath.Join(p.dir, "service-account.pub"), "PUBLIC KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if block == nil {
		return errors.New("cannot encode " + path)
	}
	return os.WriteFile(path, block, 0o600)
}
