// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// backupBytes is what each backup of a world takes in the repo.
	backupBytes = 4534133
	// walBytes is what an archived segment takes there.
	walBytes = 30000
)

// repoFiles lists what the repo holds below a directory.
func (w *world) repoFiles(c call, dir string) error {
	type object = map[string]any
	files := object{".": object{"type": "path"}}
	for _, b := range w.backups {
		if dir == "backup/"+vocab.PgBackRestStanza+"/"+b.Label {
			files["pg_data"] = object{"type": "path"}
			files["pg_data/PG_VERSION.gz"] = object{"type": "file", "size": 23}
			files["pg_data/base/1/1247.gz"] = object{"type": "file", "size": backupBytes - 23 - w.lost[b.Label]}
			files["backup.manifest"] = object{"type": "file", "size": 164479}
			files["backup.manifest.copy"] = object{"type": "file", "size": 164479}
		}
	}
	if dir == "archive/"+vocab.PgBackRestStanza {
		for segment := range w.segments {
			files["16-1/"+segment[:16]+"/"+segment+".gz"] = object{"type": "file", "size": walBytes}
		}
	}
	return c.printJSON(files)
}

// verify finds that all is well.
func (w *world) verify(c call) error {
	_, label, _ := strings.Cut(strings.Join(c.argv, " "), "--set=")
	label, _, _ = strings.Cut(label, " ")
	return c.print(verifyOutput("ok", counts{segments: 2}, verified{label: label}))
}

// counts and verified are parts of the answer of pgbackrest verify.
type counts struct{ segments, missing, checksum, size, other int }

type verified struct {
	label, status string
	counts
}

const allFiles = 970

func (c counts) text(total int) (valid int, line string) {
	return total - c.missing - c.checksum - c.size - c.other,
		fmt.Sprintf("    missing: %d, checksum invalid: %d, size invalid: %d, other: %d\n", c.missing, c.checksum, c.size, c.other)
}

// verifyOutput is what pgBackRest prints: the result in its log, and again.
func verifyOutput(status string, wal counts, backups ...verified) string {
	valid, line := wal.text(wal.segments)
	result := fmt.Sprintf("stanza: %s\nstatus: %s\n  archiveId: 16-1, total WAL checked: %d, total valid WAL: %d\n%s", vocab.PgBackRestStanza, status, wal.segments, valid, line)
	for _, b := range backups {
		valid, line := b.text(allFiles)
		if b.status == "" {
			b.status = "valid"
		}
		result += fmt.Sprintf("  backup: %s, status: %s, total files checked: %d, total valid files: %d\n%s", b.label, b.status, allFiles, valid, line)
	}
	const stamp = "2026-03-01 01:00:00.000 P00   INFO: "
	indented := strings.ReplaceAll(strings.TrimSuffix(result, "\n"), "\n", "\n"+strings.Repeat(" ", len(stamp)))
	return stamp + "verify command begin 2.55.1\n" + stamp + indented + "\n" + result + stamp + "verify command end: completed successfully (1093ms)\n"
}

// finds answers with an output of verify.
func finds(logged string, status string, wal counts, backups ...verified) script {
	return func(_ context.Context, c call) error {
		return c.print(logged + verifyOutput(status, wal, backups...))
	}
}

// prints answers with a text.
func prints(text string) script {
	return func(_ context.Context, c call) error { return c.print(text) }
}

// breaks loses the stream after a text.
func breaks(text string) script {
	return func(_ context.Context, c call) error {
		_ = c.print(text)
		return io.ErrUnexpectedEOF
	}
}

// TestVerifyFindsBrokenFiles: info says of each that all is well, and every WAL
// segment is listed.
func TestVerifyFindsBrokenFiles(t *testing.T) {
	const (
		full     = "20260228-010000F"
		incr     = full + "_20260301-010000I"
		advice   = "make a new full backup, and look at the store"
		whole    = "the backup of this run is not proven: "
		stamp    = "2026-03-01 01:00:00.000 P01   INFO: "
		corrupt  = stamp + "invalid checksum '" + full + "/pg_data/base/1/1247.gz'\n"
		unread   = stamp + "invalid result " + full + "/pg_data/base/1/1247.gz: [49] unable to connect to 's3.example.org:443': [111] Connection refused\n"
		unpacked = stamp + "invalid result 16-1/0000000100000000/000000010000000000000004-aa.gz: [29] raised from local-1 protocol: gz error: [-3] data error\n"
	)
	twoSegments := counts{segments: 2}
	for name, tc := range map[string]struct {
		change func(*world)
		code   int
		want   []string
		// tries is how often verify has run, 1 unless told.
		tries int
	}{
		"a file of the backup is missing": {
			change: func(w *world) {
				w.lost[incr] = 100
				w.on("verify", finds("", "error", twoSegments, verified{incr, "invalid", counts{missing: 1}}))
			},
			code: ExitStop, want: []string{
				whole, "Backup " + incr + " lacks 100 of its 4534133 bytes in repo1", advice,
				"Backup " + incr + " is not whole in repo1, pgbackrest verify finds of 970 files 1 missing",
			},
		},
		"a file of the full is missing, and there is too much to read back": {
			change: func(w *world) {
				w.lost[full] = 4
				w.scripts["verify"] = []script{func(context.Context, call) error { w.t.Error("verify ran"); return nil }}
			},
			code: ExitStop, want: []string{"Backup " + full + ", on which " + incr + " builds, lacks 4 of its 4534133 bytes in repo1", advice},
			tries: 0,
		},
		"a file of the full is corrupt": {
			change: func(w *world) {
				w.on("verify", finds(corrupt, "error", twoSegments, verified{incr, "invalid", counts{checksum: 1}}))
			},
			code: ExitStop, want: []string{
				whole + "Backup " + incr + " is not whole in repo1, pgbackrest verify finds of 970 files 1 with a wrong checksum, such as " + full + "/pg_data/base/1/1247.gz: " + advice,
			},
			tries: 1,
		},
		"a file of the full has another size": {
			change: func(w *world) {
				w.on("verify", finds("", "error", twoSegments, verified{incr, "invalid", counts{size: 2}}))
			},
			code: ExitStop, want: []string{"of 970 files 2 of a wrong size"}, tries: 1,
		},
		"the manifest is missing, which pgBackRest calls ok": {
			change: func(w *world) {
				w.on("verify", prints("stanza: db\nstatus: ok\n  archiveId: 16-1, total WAL checked: 2, total valid WAL: 2\n"+
					"    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n"+
					"  backup: "+incr+", status: manifest missing, total files checked: 0, total valid files: 0\n"))
			},
			code: ExitStop, want: []string{"pgbackrest verify finds its manifest missing"}, tries: 1,
		},
		"a WAL segment cannot be decompressed": {
			change: func(w *world) {
				w.on("verify", finds(unpacked, "error", counts{segments: 2, other: 1}, verified{label: incr}))
			},
			code: ExitStop, want: []string{
				"Backup " + incr + " cannot be restored, pgbackrest verify finds in repo1 of 2 segments 1 that cannot be read, " +
					"such as 16-1/0000000100000000/000000010000000000000004-aa.gz",
			},
			tries: 1,
		},
		"a WAL segment is gone between the list and the reading": {
			change: func(w *world) {
				w.on("verify", finds("", "ok", counts{segments: 2, missing: 1}, verified{label: incr}))
			},
			code: ExitStop, want: []string{"of 2 segments 1 missing"}, tries: 1,
		},
		"the store was away while verify read": {
			change: func(w *world) {
				w.always("verify", finds(unread, "error", twoSegments, verified{incr, "invalid", counts{other: 1}}))
			},
			code: ExitGaveUp, want: []string{"of 970 files 1 that cannot be read", "(3 attempts)"}, tries: 3,
		},
		"verify knows nothing of the backup": {
			change: func(w *world) {
				w.always("verify", prints("stanza: db\nstatus: error\n  backup set "+incr+" is not valid\n"))
			},
			code: ExitGaveUp, want: []string{"pgbackrest verify of repo1 says: backup set " + incr + " is not valid"}, tries: 3,
		},
		"verify prints nothing": {
			change: func(w *world) { w.always("verify", prints("")) },
			code:   ExitGaveUp, want: []string{"in shop/orders-0 (postgres): cannot read the output of pgbackrest verify: it has no result"}, tries: 3,
		},
		"the stream is lost each time, after a result that looks good": {
			change: func(w *world) {
				w.always("verify", breaks(verifyOutput("ok", twoSegments, verified{label: incr})))
			},
			code: ExitGaveUp, want: []string{"lost the stream of pgbackrest verify in shop/orders-0 (postgres)"}, tries: 3,
		},
		"verify fails": {
			change: func(w *world) { w.on("verify", failsAs(w.t, "cipher: wrong pass, backup")) },
			code:   ExitStop, want: []string{"pgbackrest verify failed in shop/orders-0 (postgres): [029]"}, tries: 1,
		},
		"the files cannot be listed": {
			change: func(w *world) {
				w.on("repo-ls", does(func() {}), failsAs(w.t, "cipher: wrong pass, backup"))
			},
			code: ExitStop, want: []string{"pgbackrest repo-ls failed in shop/orders-0 (postgres): [029]"},
		},
		"the list of files is none, and goes on": {
			change: func(w *world) {
				w.always("repo-ls", func(_ context.Context, c call) error {
					if !slices.Contains(c.argv, "--recurse") {
						return errUnscripted
					}
					return errors.Join(c.print("what is this"), c.print(strings.Repeat(" and this", 9000)))
				})
			},
			code: ExitGaveUp, want: []string{"cannot read the output of pgbackrest repo-ls"},
		},
		"the list of files ends too soon": {
			change: func(w *world) {
				w.always("repo-ls", func(_ context.Context, c call) error {
					if !slices.Contains(c.argv, "--recurse") {
						return errUnscripted
					}
					return c.print(`{"pg_data/PG_VERSION":{"type":"file","size":4534133,"time":1`)
				})
			},
			code: ExitGaveUp, want: []string{"cannot read the output of pgbackrest repo-ls"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.list(backup{Type: cpo.Full, RepoKey: 1, Stop: testStart.Add(-24 * time.Hour)})
			p := newPod(w)
			p.options.Type = cpo.Incr
			if strings.Contains(name, "too much to read") {
				p.options.VerifyBytes = backupBytes
			}
			p.mustRun("begin", "precheck", "backup", "expire")
			tc.change(w)
			p.wantFailure(p.run("verify"), tc.code, "verify", stanzaflowv1alpha1.RunFailed, tc.want...)
			if n := len(w.issued("verify")); tc.tries > 0 && n != tc.tries {
				t.Errorf("verify ran %d times, want %d", n, tc.tries)
			}
		})
	}
}

// TestVerifyReads: what is read back is bounded by the parameter.
func TestVerifyReads(t *testing.T) {
	const segments = 2 * 16 << 20
	for name, tc := range map[string]struct {
		typ, version string
		limit        int64
		change       func(*world)
		want         stanzaflowv1alpha1.BackupVerification
		log          string
	}{
		"a full":                      {typ: cpo.Full, limit: segments + backupBytes, want: stanzaflowv1alpha1.VerifiedContents, log: "archived, every file read back"},
		"a full that is too large":    {typ: cpo.Full, limit: segments + backupBytes - 1, want: stanzaflowv1alpha1.VerifiedFiles, log: "archived, every file there with its size"},
		"an incr and its full":        {typ: cpo.Incr, limit: segments + 2*backupBytes, want: stanzaflowv1alpha1.VerifiedContents},
		"an incr, its full too large": {typ: cpo.Incr, limit: segments + 2*backupBytes - 1, want: stanzaflowv1alpha1.VerifiedFiles, log: "would read 42622698 bytes, the parameter verify allows 42622697"},
		"never":                       {typ: cpo.Full, limit: 0, want: stanzaflowv1alpha1.VerifiedFiles},
		// The earlier full, this one, and four segments.
		"the whole repository, by an earlier version":              {typ: cpo.Full, version: "2.45", limit: 2*backupBytes + 4*walBytes, want: stanzaflowv1alpha1.VerifiedContents},
		"the whole repository is too large, by an earlier version": {typ: cpo.Full, version: "2.45", limit: 2*backupBytes + 4*walBytes - 1, want: stanzaflowv1alpha1.VerifiedFiles},
		"at the second try": {
			typ: cpo.Full, limit: 10 << 30, want: stanzaflowv1alpha1.VerifiedContents,
			change: func(w *world) { w.on("verify", breaks("P00   INFO: verify command begin 2.55.1\n")) },
		},
		"for longer than an answer may take": {
			typ: cpo.Full, limit: 10 << 30, want: stanzaflowv1alpha1.VerifiedContents,
			change: func(w *world) { w.on("verify", does(func() { w.clock.Step(3 * time.Hour) })) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tc.version != "" {
				w.versions[cpo.ContainerPostgreSQL] = tc.version
			}
			w.list(backup{Type: cpo.Full, RepoKey: 1, Stop: testStart.Add(-24 * time.Hour)})
			p := newPod(w)
			p.options.Type, p.options.VerifyBytes = tc.typ, tc.limit
			p.mustRun("begin", "precheck", "backup", "expire")
			if tc.change != nil {
				tc.change(w)
			}
			p.mustRun("verify")
			if got := p.report().Backup.Verified; got != tc.want {
				t.Errorf("verified %s, want %s\n%s", got, tc.want, p.log)
			}
			if !strings.Contains(p.log.String(), tc.log) {
				t.Errorf("the log does not say %q:\n%s", tc.log, p.log)
			}
			if read := len(w.issued("verify")) > 0; read != (tc.want == stanzaflowv1alpha1.VerifiedContents) {
				t.Errorf("verify ran: %t", read)
			}
			if tc.want == stanzaflowv1alpha1.VerifiedContents && !strings.Contains(p.file(fileLog), "verify command end") {
				t.Error("the log of the run has nothing of verify")
			}
		})
	}
}
