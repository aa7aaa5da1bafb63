// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

func mustVerify(t testing.TB, name string) Verification {
	t.Helper()
	v, err := ParseVerify(bytes.NewReader(pgbackresttest.Sample(t, name)), "db")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestParseVerify reads what pgBackRest printed.
func TestParseVerify(t *testing.T) {
	t.Parallel()
	const (
		full = "20261122-212402F"
		incr = full + "_20261122-212407I"
	)
	one := map[string]Checked{"17-1": {Total: 1, Valid: 1}}
	zlib := failure.Diagnosis{
		Code: 29, Name: "format", Class: failure.Stop, Cause: "raised from local-1 protocol: zlib threw error: [-3] data error",
		Advice: failure.Diagnose(29, "").Advice,
	}
	for name, want := range map[string]Verification{
		"verify-2.55.1-set.txt": {OK: true, Archives: one, Backups: map[string]Checked{incr: {Status: VerifyValid, Total: 973, Valid: 973}}},
		"verify-2.55.1-set-corrupt.txt": {
			Archives: one, Backups: map[string]Checked{incr: {Status: "invalid", Total: 973, Valid: 972, Checksum: 1}},
			Broken: []BrokenFile{{Path: full + "/pg_data/base/1/1247.gz"}},
		},
		"verify-2.55.1-set-missing.txt": {
			Archives: one, Backups: map[string]Checked{incr: {Status: "invalid", Total: 973, Valid: 972, Missing: 1}},
			Broken: []BrokenFile{{Path: full + "/pg_data/base/1/1247.gz"}},
		},
		"verify-2.55.1-set-wal-corrupt.txt": {
			Archives: map[string]Checked{"17-1": {Total: 1, Other: 1}},
			Backups:  map[string]Checked{incr: {Status: VerifyValid, Total: 973, Valid: 973}},
			Broken: []BrokenFile{{
				Path: "17-1/0000000100000000/000000010000000000000006-2fda2531ddd752b10c49525bff0615812ff66440.gz", Failure: zlib,
			}},
		},
		"verify-2.55.1-set-manifest-missing.txt": {
			OK: true, Archives: map[string]Checked{"17-1": {}}, Backups: map[string]Checked{incr: {Status: VerifyManifestMissing}},
		},
		"verify-2.55.1-set-block-corrupt.txt": {
			Archives: one,
			Backups: map[string]Checked{
				"20261122-212628F":                  {Status: "invalid", Total: 972, Valid: 971, Checksum: 1},
				"20261122-212628F_20261122-212631D": {Status: VerifyValid, Total: 973, Valid: 973},
				"20261122-212628F_20261122-212632I": {Status: VerifyValid, Total: 973, Valid: 973},
			},
			Broken: []BrokenFile{{Path: "20261122-212628F/bundle/1"}},
		},
		"verify-2.45-wal-corrupt.txt": {
			Archives: map[string]Checked{"15-1": {Total: 6, Valid: 5, Other: 1}},
			Backups: map[string]Checked{
				"20261122-212411F":                  {Status: VerifyValid, Total: 970, Valid: 970},
				"20261122-212411F_20261122-212415D": {Status: VerifyValid, Total: 972, Valid: 972},
				"20261122-212411F_20261122-212418I": {Status: VerifyValid, Total: 972, Valid: 972},
			},
			Broken: []BrokenFile{{
				Path: "15-1/0000000100000000/000000010000000000000006-6b8963de291c8c1b9c48911a6598922f943da1a5.gz", Failure: zlib,
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, mustVerify(t, name)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

const (
	verifyGood = "stanza: db\nstatus: ok\n" +
		"  archiveId: 17-1, total WAL checked: 1, total valid WAL: 1\n    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n" + verifyOne
	verifyOne   = "  backup: 20261122-212402F, status: valid, total files checked: 9, total valid files: 9\n    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n"
	verifyEnded = "P00   INFO: verify command end: completed successfully\n"
)

func TestParseVerifyTakesTheLastResult(t *testing.T) {
	t.Parallel()
	// The name of a file holds what looks like a good result.
	forged := "P01   INFO: invalid checksum 'x\n" + verifyGood + "'\n"
	bad := strings.Replace(verifyGood, "status: ok", "status: error", 1)
	got, err := ParseVerify(strings.NewReader(forged+bad+verifyEnded), "db")
	if err != nil || got.OK || len(got.Remarks) > 0 {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestParseVerifyKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"no backup":      {"stanza: db\nstatus: error\n  backup set 20261122-212402F is not valid\n" + verifyEnded, []string{"backup set 20261122-212402F is not valid"}},
		"nothing at all": {"stanza: db\nstatus: ok\n    no archives or backups exist in the repo\n", []string{"no archives or backups exist in the repo"}},
		"none found":     {"stanza: db\nstatus: ok\n  archiveId: none found\n  backup: none found\n", []string{"archiveId: none found", "backup: none found"}},
		"another word":   {verifyGood + "  page: 1, broken\n" + verifyEnded, []string{"page: 1, broken"}},
		"another count":  {strings.Replace(verifyGood, ", other: 0", ", odd: 1, other: 0", 1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseVerify(strings.NewReader(tc.text), "db")
			if diff := cmp.Diff(tc.want, got.Remarks); tc.want != nil && (err != nil || diff != "") {
				t.Errorf("%v, (-want +got):\n%s", err, diff)
			}
			pgbackresttest.WantError(t, err, tc.want == nil, "")
		})
	}
}

func TestParseVerifyRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":            "",
		"only a log":         "P00   INFO: verify command begin 2.55.1\n" + verifyEnded,
		"only the log of it": "P00   INFO: stanza: db\n            status: ok\n" + verifyEnded,
		"another stanza":     strings.Replace(verifyGood, "stanza: db", "stanza: other", 1),
		"no status":          strings.Replace(verifyGood, "status: ok\n", "", 1),
		"an unknown status":  strings.Replace(verifyGood, "status: ok\n", "status: fine\n", 1),
		"cut after a stanza": "stanza: db\n",
		"cut before counts":  verifyGood[:strings.LastIndex(verifyGood, "    missing")],
		"counts missing":     strings.Replace(verifyGood, "    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n", "", 1),
		"counts too large":   strings.Replace(verifyGood, "missing: 0", "missing: 99999999999999999999", 1),
		"a total too large":  strings.Replace(verifyGood, "checked: 9", "checked: 99999999999999999999", 1),
		"a backup twice":     verifyGood + verifyOne,
		"a line too long":    strings.Repeat("x", maxLine+1) + "\n" + verifyGood,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseVerify(strings.NewReader(text), "db")
			pgbackresttest.WantError(t, err, true, "")
			if diff := cmp.Diff(Verification{}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := ParseVerify(io.MultiReader(strings.NewReader(verifyGood), iotest.ErrReader(errors.New("lost"))), "db"); err == nil {
		t.Error("no error of a stream that is lost")
	}
}

// TestParseVerifyOfARepositoryThatIsBrokenAllOver: the names of all files would
// not fit into the memory of a step.
func TestParseVerifyOfARepositoryThatIsBrokenAllOver(t *testing.T) {
	t.Parallel()
	line := "P01   INFO: file missing '20261122-212402F/pg_data/base/1/1247.gz'\n"
	got, err := ParseVerify(strings.NewReader(strings.Repeat(line, maxBroken+10)+verifyGood), "db")
	if err != nil || len(got.Broken) != maxBroken {
		t.Errorf("%v, %d broken files", err, len(got.Broken))
	}
}

// TestOnlyUnread distinguishes what another try may fix from what it cannot.
func TestOnlyUnread(t *testing.T) {
	t.Parallel()
	const file = fullLabel + "/pg_data/base/1/1247.gz"
	unread := Checked{Status: "invalid", Total: 970, Valid: 969, Other: 1}
	refused := failure.Diagnose(49, "ERROR: [049]: unable to connect to 's3.example.org:443': [111] Connection refused")
	for name, tc := range map[string]struct {
		wrong func(*Input)
		want  bool
	}{
		"all is well, so nothing is unread": {wrong: func(*Input) {}, want: true},
		"verify was not run":                {wrong: func(in *Input) { in.Verification = nil }},
		"the store was away": {
			wrong: func(in *Input) {
				in.Verification.Backups[incrLabel] = unread
				in.Verification.Broken = []BrokenFile{{Path: file, Failure: refused}}
			},
			want: true,
		},
		"a file cannot be decompressed": {
			wrong: func(in *Input) {
				in.Verification.Backups[incrLabel] = unread
				in.Verification.Broken = []BrokenFile{{Path: incrLabel + "/pg_data/base/1/1247.gz", Failure: failure.Diagnose(29, "")}}
			},
		},
		"WAL cannot be decompressed": {
			wrong: func(in *Input) {
				in.Verification.Archives["15-1"] = Checked{Total: 2, Valid: 1, Other: 1}
				in.Verification.Broken = []BrokenFile{{Path: "15-1/0000000100000000/000000010000000000000009-aa.gz", Failure: failure.Diagnose(29, "")}}
			},
		},
		"a file is missing": {
			wrong: func(in *Input) {
				in.Verification.Backups[incrLabel] = Checked{Status: "invalid", Total: 970, Valid: 968, Missing: 1, Other: 1}
			},
		},
		"the manifest is missing": {
			wrong: func(in *Input) { in.Verification.Backups[incrLabel] = Checked{Status: VerifyManifestMissing} },
		},
		"the manifest cannot be read": {
			wrong: func(in *Input) { in.Verification.Backups[incrLabel] = Checked{Status: "invalid"} },
			want:  true,
		},
		"the store was away, and the list lacks a file": {
			wrong: func(in *Input) {
				in.Verification.Backups[incrLabel] = unread
				in.Files[incrLabel] = pgbackrest.RepoFiles{Manifest: true}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := proven(t)
			tc.wrong(&in)
			if got := in.OnlyUnread(); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	const wal = 2 * 16 * megabyte
	for name, tc := range map[string]struct {
		in      func(*testing.T) Input
		version string
		want    Reads
	}{
		"a full":                       {in: provenFull, version: "2.55.1", want: Reads{Bytes: 2823242 + wal}},
		"an incr, its full and a diff": {in: proven, version: "2.55.0", want: Reads{Bytes: 2823242 + 368 + 366 + wal}},
		"a later version":              {in: provenFull, version: "2.100", want: Reads{Bytes: 2823242 + wal}},
		"a much later version":         {in: provenFull, version: "3.0", want: Reads{Bytes: 2823242 + wal}},
		"an earlier version: all":      {in: provenFull, version: "2.54.2", want: Reads{Bytes: 2823242 + 368 + 366, Archive: true}},
		"no version":                   {in: provenFull, want: Reads{Bytes: 2823242 + 368 + 366, Archive: true}},
		"block incremental":            {in: blockIncremental, version: "2.47", want: Reads{Bytes: 4050352, Archive: true}},
		"block incremental, which verify did not know yet": {in: blockIncremental, version: "2.46", want: Reads{Bytes: 4050352, Archive: true, Wrong: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := tc.in(t)
			b, _ := in.Backup()
			if diff := cmp.Diff(tc.want, in.Reads(b, tc.version)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRepoFiles(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want pgbackrest.RepoFiles
	}{
		"a backup": {
			text: `{".":{"type":"path"},"backup.manifest":{"type":"file","size":164479,"time":1795354115},"backup.manifest.copy":{"type":"file","size":164479},` +
				`"pg_data":{"type":"path"},"pg_data/PG_VERSION.gz":{"type":"file","size":23,"time":1795354115},"pg_data/empty":{"type":"file","size":0},` +
				`"pg_data/pg_tblspc/16389":{"type":"link","destination":"../../pg_tblspc/16389"},"pg_data/backup.manifest":{"type":"file","size":2}}` + "\n",
			want: pgbackrest.RepoFiles{Count: 3, Bytes: 25, Manifest: true},
		},
		"a copy of the manifest":          {text: `{"backup.manifest.copy":{"type":"file","size":1}}`, want: pgbackrest.RepoFiles{Manifest: true}},
		"an empty manifest is none":       {text: `{"backup.manifest":{"type":"file","size":0},"a":{"type":"file","size":1}}`, want: pgbackrest.RepoFiles{Count: 1, Bytes: 1}},
		"a directory that does not exist": {text: `{".":{"type":"path"}}`},
		"a store without directories":     {text: `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pgbackrest.ParseRepoFiles(strings.NewReader(tc.text))
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%v, (-want +got):\n%s", err, diff)
			}
		})
	}
	for _, text := range []string{
		"", "null", "[]", "ERROR: [029]: x", `{"a"`, `{"a":{"type":"file","size":1}`, `{"a":{"type":"file","size":1},`, `{"a":{"type":"file"}}`,
		`{"a":{"type":"file","size":-1}}`, `{"a":{"type":"file","size":1}}{}`, `{"a":1}`,
	} {
		got, err := pgbackrest.ParseRepoFiles(strings.NewReader(text))
		pgbackresttest.WantError(t, err, true, "")
		if got != (pgbackrest.RepoFiles{}) {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}

// TestParseRepoFilesOfALargeBackup: the list, of 24 MB, is not held as a whole.
func TestParseRepoFilesOfALargeBackup(t *testing.T) {
	const files = 300_000
	reader, writer := io.Pipe()
	go func() {
		_, _ = io.WriteString(writer, `{".":{"type":"path"}`)
		for i := range files {
			_, _ = fmt.Fprintf(writer, `,"pg_data/base/16384/%d.zst":{"type":"file","size":8192,"time":1795354115}`, i)
		}
		_, _ = io.WriteString(writer, "}\n")
		_ = writer.Close()
	}()
	got, err := pgbackrest.ParseRepoFiles(reader)
	if want := (pgbackrest.RepoFiles{Count: files, Bytes: files * 8192}); err != nil || got != want {
		t.Errorf("%v, %+v, want %+v", err, got, want)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	if most := uint64(32 * megabyte); memory.HeapSys > most {
		t.Errorf("%d bytes of memory, want no more than %d", memory.HeapSys, most)
	}
}
