// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// plant makes a credential that nothing else can be taken for.
func (k *kit) plant(t testing.TB) string {
	t.Helper()
	b := make([]byte, 24)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	credential := "planted" + hex.EncodeToString(b)
	k.planted = append(k.planted, credential)
	return credential
}

// secret writes a Secret as a whole, as a user does.
func (k *kit) secret(t testing.TB, name string, data map[string]string) {
	t.Helper()
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.namespace}, Data: map[string][]byte{},
	}
	// Not as stringData: what was in that and is not any more would stay.
	for file, text := range data {
		secret.Data[file] = []byte(text)
	}
	b, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Patch(t.Context(), secret, client.RawPatch(types.ApplyPatchType, b), client.FieldOwner("e2e"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
}

// storeTLS gives the server of a store a certificate of a CA of its own, and one
// that has expired. It returns that CA.
func (k *kit) storeTLS(t testing.TB, hosts ...string) string {
	t.Helper()
	now := time.Now()
	caKey, ca := newCertificate(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "store CA"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	names := make([]string, len(hosts))
	for i, host := range hosts {
		names[i] = host + "." + k.namespace + ".svc"
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
		k.secret(t, secret, map[string]string{
			"ca.crt": caPEM, "tls.crt": pemText("CERTIFICATE", leaf.Raw), "tls.key": pemText("PRIVATE KEY", keyDER),
		})
	}
	return caPEM
}

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

// Files of the Secret of a cluster. The CA of the store has a name that
// pgBackRest does not read as configuration.
const (
	storeConf = "store.conf"
	storeCA   = "store-ca.crt"
)

func (k *kit) pvcCredentials(t testing.TB) {
	t.Helper()
	k.secret(t, "cluster-pvc-credential", map[string]string{storeConf: "[global]\nrepo2-cipher-pass=" + k.plant(t) + "\n"})
}

// s3Credentials: both repos have the same key.
func (k *kit) s3Credentials(t testing.TB) {
	t.Helper()
	ca := k.storeTLS(t, "versitygw")
	k.s3Secrets(t, ca, k.plant(t), k.plant(t))
}

func (k *kit) s3Secrets(t testing.TB, ca, secretKey, pass string) {
	t.Helper()
	const key = "e2e-access-key"
	k.secret(t, "versitygw", map[string]string{"ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secretKey, "VGW_REGION": "zurich"})
	k.secret(t, "cluster-s3-credential", map[string]string{
		storeCA: ca,
		storeConf: "[global]\nrepo1-s3-key=" + key + "\nrepo1-s3-key-secret=" + secretKey +
			"\nrepo2-s3-key=" + key + "\nrepo2-s3-key-secret=" + secretKey + "\nrepo2-cipher-pass=" + pass + "\n",
	})
}

func (k *kit) rotateS3(t testing.TB) {
	t.Helper()
	k.s3Secrets(t, k.read(t, "cluster-s3-credential", storeCA), k.plant(t), k.planted[1])
	k.restart(t, "versitygw")
}

const azureAccount = "acct1"

func (k *kit) azureCredentials(t testing.TB) {
	t.Helper()
	ca := k.storeTLS(t, "azurite")
	k.azureSecrets(t, ca, k.plantKey(t), k.plant(t))
}

// plantKey is a credential in base64, as Azure's keys are.
func (k *kit) plantKey(t testing.TB) string {
	t.Helper()
	key := base64.StdEncoding.EncodeToString([]byte(k.plant(t)))
	k.planted = append(k.planted, key)
	return key
}

func (k *kit) azureSecrets(t testing.TB, ca, key, pass string) {
	t.Helper()
	k.secret(t, "azurite", map[string]string{"AZURITE_ACCOUNTS": azureAccount + ":" + key})
	k.secret(t, "cluster-azure-credential", map[string]string{
		storeCA:   ca,
		storeConf: "[global]\nrepo1-azure-key=" + key + "\nrepo2-cipher-pass=" + pass + "\n",
	})
	k.inline = key
}

// rotateAzure: planted are the key, its base64 form, and the pass phrase.
func (k *kit) rotateAzure(t testing.TB) {
	t.Helper()
	k.azureSecrets(t, k.read(t, "cluster-azure-credential", storeCA), k.plantKey(t), k.planted[2])
	k.patchCluster(t, `[{"op":"replace","path":"/spec/backup/pgbackrest/repos/1/key","value":"`+k.inline+`"}]`)
	k.restart(t, "azurite")
}

// gcsCredentials: repo1 has the key of a service account, whose signature the
// token server checks; repo2 has a token, which the store takes as it is.
func (k *kit) gcsCredentials(t testing.TB) {
	t.Helper()
	ca := k.storeTLS(t, "fake-gcs-server", "token-server")
	k.gcsSecrets(t, ca, k.plant(t), k.plant(t))
}

func (k *kit) gcsSecrets(t testing.TB, ca, token, pass string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	// A line out of the middle of the key stands for the whole.
	k.planted = append(k.planted, base64.StdEncoding.EncodeToString(der)[128:192])
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "backup@e2e", "private_key": pemText("PRIVATE KEY", der),
		"token_uri": "https://token-server." + k.namespace + ".svc/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	k.secret(t, "token-server", map[string]string{"public.pem": pemText("PUBLIC KEY", public)})
	k.secret(t, "cluster-gcs-credential", map[string]string{
		storeCA: ca, "gcs-key.json": string(account),
		storeConf: "[global]\nrepo2-gcs-key=" + token + "\nrepo2-cipher-pass=" + pass + "\n",
	})
}

// rotateGCS: the token server trusts the new key at once.
func (k *kit) rotateGCS(t testing.TB) {
	t.Helper()
	k.gcsSecrets(t, k.read(t, "cluster-gcs-credential", storeCA), k.planted[0], k.planted[1])
	k.restart(t, "token-server")
}

func (k *kit) read(t testing.TB, secret, key string) string {
	t.Helper()
	var s corev1.Secret
	if err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: secret}, &s); err != nil {
		t.Fatal(err)
	}
	return string(s.Data[key])
}

// restart ends the pods of a Deployment and waits for the next.
func (k *kit) restart(t testing.TB, deployment string) {
	t.Helper()
	kubectl(t, nil, "rollout", "restart", "-n", k.namespace, "deployment/"+deployment)
	kubectl(t, nil, "rollout", "status", "-n", k.namespace, "deployment/"+deployment, "--timeout=180s")
}
