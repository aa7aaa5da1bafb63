// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package option

import "slices"

// Missing is an option that pgBackRest requires and a Set does not have.
type Missing struct {
	Name Name
	// Of is the option that requires it.
	Of Name
	// InSecret is true for what belongs in the Secret with the credentials, or may
	// stand there. It may be missing from the Set and be there.
	InSecret bool
}

// requirement says what an option requires when it has a value.
type requirement struct {
	of, value string
	options   []string
	// inSecret are required, too, unless keyType has one of the values.
	inSecret []string
	keyType  string
	unless   []string
}

var requirements = []requirement{
	{
		of: "repo-type", value: "s3", options: []string{"repo-s3-bucket", "repo-s3-endpoint", "repo-s3-region"},
		inSecret: []string{"repo-s3-key", "repo-s3-key-secret"}, keyType: "repo-s3-key-type", unless: []string{"auto", "web-id", "pod-id", "process"},
	},
	{of: "repo-type", value: "azure", options: []string{"repo-azure-container"}, inSecret: []string{"repo-azure-account"}},
	{of: "repo-type", value: "azure", inSecret: []string{"repo-azure-key"}, keyType: "repo-azure-key-type", unless: []string{"auto"}},
	{
		of: "repo-type", value: "gcs", options: []string{"repo-gcs-bucket"},
		inSecret: []string{"repo-gcs-key"}, keyType: "repo-gcs-key-type", unless: []string{"auto"},
	},
	{of: "repo-type", value: "sftp", options: []string{"repo-sftp-host", "repo-sftp-host-user", "repo-sftp-host-key-hash-type", "repo-sftp-private-key-file"}},
	{of: "repo-host-type", value: "tls", options: []string{"repo-host-cert-file", "repo-host-key-file"}},
	{of: "repo-cipher-type", value: "aes-256-cbc", inSecret: []string{"repo-cipher-pass"}},
}

// Missing returns what pgBackRest requires beside the options of a set, in the order
// of the numbers.
func (s Set) Missing() []Missing {
	var missing []Missing
	for _, number := range s.repos() {
		for _, r := range requirements {
			of := nameOf(r.of, number)
			if s[of] != r.value {
				continue
			}
			missing = append(missing, s.without(of, r.options, false)...)
			if r.keyType == "" || !slices.Contains(r.unless, s[nameOf(r.keyType, number)]) {
				missing = append(missing, s.without(of, r.inSecret, true)...)
			}
		}
	}
	return missing
}

// without returns those of the options that are not set.
func (s Set) without(of Name, options []string, inSecret bool) []Missing {
	var missing []Missing
	for _, option := range options {
		if name := nameOf(option, of.Number); s[name] == "" {
			missing = append(missing, Missing{Name: name, Of: of, InSecret: inSecret})
		}
	}
	return missing
}
