// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// BackupDigest returns the SHA-256 of spec.backup of a postgresql resource, in
// hexadecimal digits. It changes when a user edits a backup setting, and with
// nothing else: not with the number of instances, nor with our own translation.
func BackupDigest(object map[string]any) string {
	spec, _ := object["spec"].(map[string]any)
	text, err := json.Marshal(spec["backup"])
	if err != nil {
		// A resource is made of JSON.
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
