// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bytes"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

// FuzzProve: whatever a repository says, a proof answers, and without WAL in the
// archive nothing is proven.
func FuzzProve(f *testing.F) {
	for _, name := range pgbackresttest.Samples(f, "info-*.json") {
		f.Add(pgbackresttest.Sample(f, name))
	}
	f.Fuzz(func(t *testing.T, stdout []byte) {
		info, err := pgbackrest.ParseInfo(stdout, "main")
		if err != nil {
			return
		}
		backup, reasons := Prove(Input{Info: info, Repo: 1, Type: pgbackrest.TypeFull, AnnotationKey: "workflow", Run: "w1", SegmentBytes: 16 << 20})
		if len(reasons) == 0 {
			t.Fatalf("%s is proven without WAL", backup.Label)
		}
	})
}

// FuzzArchivedSegments: whatever a repository lists, only the names of segments
// are found in it.
func FuzzArchivedSegments(f *testing.F) {
	f.Add("000000010000000000000001-0123456789abcdef0123456789abcdef01234567.gz")
	f.Add("archive.info")
	f.Fuzz(func(t *testing.T, name string) {
		for segment := range ArchivedSegments([]string{name}) {
			if len(segment) != 24 {
				t.Errorf("%q gives the segment %q", name, segment)
			}
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
