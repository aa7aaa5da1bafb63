// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"slices"
	"strings"
	"unicode"
)

// letters is a name without case, dashes and underscores: a credential in the
// wrong spelling is still a credential.
func letters(key string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, key)
}

// credentialEndings are the ends, as letters leaves them, of the options that
// pgBackRest refuses on the command line because they are secret.
// azure-account is one of those too, but it is a name, part of every address of
// the storage: it opens nothing, CPO writes it into a ConfigMap, and so do we.
var credentialEndings = []string{
	"cipherpass", "azurekey", "s3key", "s3keysecret", "s3token",
	"s3ssecustomerkey", "sftpprivatekeypassphrase",
}

// credentialWords name a credential wherever they stand in an option.
var credentialWords = []string{"secret", "password", "passphrase", "passwd", "accesskey", "customerkey", "sastoken", "cipherpass"}

// IsCredential reports whether an option holds a secret, which belongs into a
// Secret and never into the resource. It also knows near misses, as in
// REPO1_S3_KEY: pgBackRest would not read the option, everybody else could.
// A gcs-key may be the path of a file, and a path is no secret.
func IsCredential(key, value string) bool {
	name := letters(key)
	if strings.HasSuffix(name, "gcskey") {
		return !strings.HasPrefix(strings.TrimSpace(value), "/")
	}
	hasEnding := func(ending string) bool { return strings.HasSuffix(name, ending) }
	hasWord := func(word string) bool { return strings.Contains(name, word) }
	return slices.ContainsFunc(credentialEndings, hasEnding) || slices.ContainsFunc(credentialWords, hasWord)
}
