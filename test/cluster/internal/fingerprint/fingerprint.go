// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package fingerprint shows whether inputs are the same as before.
package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Length is the length of every fingerprint: short enough for a file name, and long
// enough never to collide among the few builds of one machine.
const Length = 12

// Of hashes a list of strings. It hashes the length of each string before it, so that
// no two lists look alike.
func Of(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(fmt.Appendf(nil, "%d:%s", len(p), p))
	}
	return hex.EncodeToString(h.Sum(nil))[:Length]
}
