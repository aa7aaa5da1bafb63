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
		ArchivedSegments(names)
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

// FuzzParseVerify: what cannot be read of a result is an error, not a good one.
func FuzzParseVerify(f *testing.F) {
	for _, seed := range []string{
		"", "stanza: db\nstatus: ok\n",
		"stanza: db\nstatus: error\n  archiveId: 15-1, total WAL checked: 2, total valid WAL: 1\n    missing: 1, checksum invalid: 0, size invalid: 0, other: 0\n" +
			"  backup: 20261122-132826F, status: invalid, total files checked: 9, total valid files: 8\n    missing: 0, checksum invalid: 1, size invalid: 0, other: 0\n",
		"2026-11-22 13:28:26.000 P00   INFO: invalid checksum 'db/backup/x'\nstanza: db\nstatus: ok\nwhat is this\n",
		"P00   INFO: invalid result a: [41] unable to open\nstanza: other\nstatus: ok\n",
		"stanza: db\nstatus: ok\n  backup: a, status: valid, total files checked: 99999999999999999999, total valid files: 1\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stdout []byte) {
		got, err := ParseVerify(bytes.NewReader(stdout), "db")
		if err != nil && (got.OK || got.Backups != nil || got.Broken != nil) {
			t.Errorf("%+v beside the error %v", got, err)
		}
		if err == nil && !bytes.Contains(stdout, []byte("stanza: db")) {
			t.Errorf("a result of another stanza: %q", stdout)
		}
		if err == nil && got.OK && !bytes.Contains(stdout, []byte("status: ok")) {
			t.Errorf("a good result out of nothing: %q", stdout)
		}
		for label, checked := range got.Backups {
			if label == "" || checked.Total < 0 || checked.Valid < 0 {
				t.Errorf("%q: %+v", label, checked)
			}
		}
	})
}
