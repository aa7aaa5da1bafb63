// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"bytes"
	"slices"
	"testing"
)

// FuzzParseRepoLS: what a repository lists is a list of names, or an error.
func FuzzParseRepoLS(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", `{".":{"type":"path"},"a":{"type":"file"}}`, `{"":{}}`, `[]`, `{"a":1}{"b":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stdout []byte) {
		names, err := ParseRepoLS(stdout)
		if err != nil && names != nil {
			t.Errorf("names %q beside the error %v", names, err)
		}
		if !slices.IsSorted(names) || slices.Contains(names, "") || slices.Contains(names, ".") {
			t.Errorf("%q gives the names %q", stdout, names)
		}
	})
}

// FuzzParseRepoFiles: whatever is listed is never less than nothing.
func FuzzParseRepoFiles(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"a":{"type":"file","size":1},"backup.manifest":{"type":"file","size":2}}`, `{"a":{"type":"file","size":-1}}`,
		`{"a":{"type":"file"}}`, `{"a":{"type":"file","size":9223372036854775807},"b":{"type":"file","size":9223372036854775807}}`, `{"a":`, `{}{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stdout []byte) {
		files, err := ParseRepoFiles(bytes.NewReader(stdout))
		if err != nil && files != (RepoFiles{}) {
			t.Errorf("%+v beside the error %v", files, err)
		}
		if files.Count < 0 || files.Bytes < 0 {
			t.Errorf("%q gives %+v", stdout, files)
		}
	})
}
