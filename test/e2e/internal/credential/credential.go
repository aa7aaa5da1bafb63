// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package credential gives the object stores of the cluster tests their credentials,
// rotates them, and searches for them in everything that is not a Secret. Each test
// has credentials of its own, which cannot be confused with anything else.
package credential

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// ConfigFile and CAFile are files of the Secret of a cluster. The CA of the store has a
// name that pgBackRest does not read as configuration.
const (
	ConfigFile = "store.conf"
	CAFile     = "store-ca.crt"
)

// Set is the credentials of one namespace.
type Set struct {
	// Inline is a credential that is in the postgresql itself, and must be nowhere
	// else. Empty if there is none.
	Inline string

	kit *kit.Kit
	// planted are the credentials that the test made: nothing that anybody may read
	// holds one of them.
	planted []string
}

// New returns a set without credentials.
func New(k *kit.Kit) *Set { return &Set{kit: k} }

// plant makes a credential that cannot be confused with anything else.
func (s *Set) plant(t testing.TB) string {
	t.Helper()
	b := make([]byte, 24)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	credential := "planted" + hex.EncodeToString(b)
	s.planted = append(s.planted, credential)
	return credential
}

// plantKey makes a credential in base64, as Azure's keys are.
func (s *Set) plantKey(t testing.TB) string {
	t.Helper()
	key := base64.StdEncoding.EncodeToString([]byte(s.plant(t)))
	s.planted = append(s.planted, key)
	return key
}
