// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"testing"
)

// PVC writes the pass phrase of repo2. A volume needs no other credential.
func (s *Set) PVC(t testing.TB) {
	t.Helper()
	s.kit.WriteSecret(t, "cluster-pvc-credential", map[string]string{ConfigFile: "[global]\nrepo2-cipher-pass=" + s.plant(t) + "\n"})
}

// S3 writes the credentials of an S3 store. Both repos have the same key.
func (s *Set) S3(t testing.TB) {
	t.Helper()
	ca := s.storeTLS(t, "versitygw")
	s.writeS3(t, ca, s.plant(t), s.plant(t))
}

func (s *Set) writeS3(t testing.TB, ca, secretKey, pass string) {
	t.Helper()
	const key = "e2e-access-key"
	s.kit.WriteSecret(t, "versitygw", map[string]string{"ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secretKey, "VGW_REGION": "zurich"})
	s.kit.WriteSecret(t, "cluster-s3-credential", map[string]string{
		CAFile: ca,
		ConfigFile: "[global]\nrepo1-s3-key=" + key + "\nrepo1-s3-key-secret=" + secretKey +
			"\nrepo2-s3-key=" + key + "\nrepo2-s3-key-secret=" + secretKey + "\nrepo2-cipher-pass=" + pass + "\n",
	})
}

// RotateS3 replaces the key of the store.
func (s *Set) RotateS3(t testing.TB) {
	t.Helper()
	s.writeS3(t, s.kit.ReadSecret(t, "cluster-s3-credential", CAFile), s.plant(t), s.planted[1])
	s.kit.RestartDeployment(t, "versitygw")
}

// Azure writes the credentials of an Azure store. The key of repo2 is inline.
func (s *Set) Azure(t testing.TB) {
	t.Helper()
	ca := s.storeTLS(t, "azurite")
	s.writeAzure(t, ca, s.plantKey(t), s.plant(t))
}

func (s *Set) writeAzure(t testing.TB, ca, key, pass string) {
	t.Helper()
	s.kit.WriteSecret(t, "azurite", map[string]string{"AZURITE_ACCOUNTS": "acct1:" + key})
	s.kit.WriteSecret(t, "cluster-azure-credential", map[string]string{
		CAFile:     ca,
		ConfigFile: "[global]\nrepo1-azure-key=" + key + "\nrepo2-cipher-pass=" + pass + "\n",
	})
	s.Inline = key
}

// RotateAzure replaces the key of the store. Planted so far are the key, its base64
// form, and the pass phrase.
func (s *Set) RotateAzure(t testing.TB) {
	t.Helper()
	s.writeAzure(t, s.kit.ReadSecret(t, "cluster-azure-credential", CAFile), s.plantKey(t), s.planted[2])
	s.kit.PatchCluster(t, `[{"op":"replace","path":"/spec/backup/pgbackrest/repos/1/key","value":"`+s.Inline+`"}]`)
	s.kit.RestartDeployment(t, "azurite")
}

// GCS writes the credentials of a GCS store: repo1 has the key of a service account,
// whose signature the token server checks; repo2 has a token, which the store accepts
// unchecked.
func (s *Set) GCS(t testing.TB) {
	t.Helper()
	ca := s.storeTLS(t, "fake-gcs-server", "token-server")
	s.writeGCS(t, ca, s.plant(t), s.plant(t))
}

func (s *Set) writeGCS(t testing.TB, ca, token, pass string) {
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
	s.planted = append(s.planted, base64.StdEncoding.EncodeToString(der)[128:192])
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "backup@e2e", "private_key": pemText("PRIVATE KEY", der),
		"token_uri": "https://token-server." + s.kit.Namespace + ".svc/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.kit.WriteSecret(t, "token-server", map[string]string{"public.pem": pemText("PUBLIC KEY", public)})
	s.kit.WriteSecret(t, "cluster-gcs-credential", map[string]string{
		CAFile: ca, "gcs-key.json": string(account),
		ConfigFile: "[global]\nrepo2-gcs-key=" + token + "\nrepo2-cipher-pass=" + pass + "\n",
	})
}

// RotateGCS replaces the key of the service account. The token server trusts the new
// key at once.
func (s *Set) RotateGCS(t testing.TB) {
	t.Helper()
	s.writeGCS(t, s.kit.ReadSecret(t, "cluster-gcs-credential", CAFile), s.planted[0], s.planted[1])
	s.kit.RestartDeployment(t, "token-server")
}
