// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

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
	twoSegments := runtest.VerifyCounts{Segments: 2}
	for name, tc := range map[string]struct {
		change func(*runtest.World)
		code   int
		want   []string
		// tries is how often verify has run, 1 unless set.
		tries int
	}{
		"a file of the backup is missing": {
			change: func(w *runtest.World) {
				w.LostBytes[incr] = 100
				w.On("verify", runtest.Finds("", "error", twoSegments, runtest.VerifiedBackup{Label: incr, Status: "invalid", VerifyCounts: runtest.VerifyCounts{Missing: 1}}))
			},
			code: ExitStop, want: []string{
				whole, "Backup " + incr + " lacks 100 of its 4534133 bytes in repo1", advice,
				"Backup " + incr + " is not whole in repo1, pgbackrest verify finds of 970 files 1 missing",
			},
		},
		"a file of the full is missing, and there is too much to read back": {
			change: func(w *runtest.World) {
				w.LostBytes[full] = 4
				w.Scripts["verify"] = []runtest.Script{func(context.Context, runtest.Call) error { w.T.Error("verify ran"); return nil }}
			},
			code: ExitStop, want: []string{"Backup " + full + ", on which " + incr + " builds, lacks 4 of its 4534133 bytes in repo1", advice},
			tries: 0,
		},
		"a file of the full is corrupt": {
			change: func(w *runtest.World) {
				w.On("verify", runtest.Finds(corrupt, "error", twoSegments, runtest.VerifiedBackup{Label: incr, Status: "invalid", VerifyCounts: runtest.VerifyCounts{Checksum: 1}}))
			},
			code: ExitStop, want: []string{
				whole + "Backup " + incr + " is not whole in repo1, pgbackrest verify finds of 970 files 1 with a wrong checksum, such as " + full + "/pg_data/base/1/1247.gz: " + advice,
			},
			tries: 1,
		},
		"a file of the full has another size": {
			change: func(w *runtest.World) {
				w.On("verify", runtest.Finds("", "error", twoSegments, runtest.VerifiedBackup{Label: incr, Status: "invalid", VerifyCounts: runtest.VerifyCounts{Size: 2}}))
			},
			code: ExitStop, want: []string{"of 970 files 2 of a wrong size"}, tries: 1,
		},
		"the manifest is missing, which pgBackRest calls ok": {
			change: func(w *runtest.World) {
				w.On("verify", runtest.Prints("stanza: db\nstatus: ok\n  archiveId: 16-1, total WAL checked: 2, total valid WAL: 2\n"+
					"    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n"+
					"  backup: "+incr+", status: manifest missing, total files checked: 0, total valid files: 0\n"))
			},
			code: ExitStop, want: []string{"pgbackrest verify finds its manifest missing"}, tries: 1,
		},
		"a WAL segment cannot be decompressed": {
			change: func(w *runtest.World) {
				w.On("verify", runtest.Finds(unpacked, "error", runtest.VerifyCounts{Segments: 2, Other: 1}, runtest.VerifiedBackup{Label: incr}))
			},
			code: ExitStop, want: []string{
				"Backup " + incr + " cannot be restored, pgbackrest verify finds in repo1 of 2 segments 1 that cannot be read, " +
					"such as 16-1/0000000100000000/000000010000000000000004-aa.gz",
			},
			tries: 1,
		},
		"a WAL segment is gone between the list and the reading": {
			change: func(w *runtest.World) {
				w.On("verify", runtest.Finds("", "ok", runtest.VerifyCounts{Segments: 2, Missing: 1}, runtest.VerifiedBackup{Label: incr}))
			},
			code: ExitStop, want: []string{"of 2 segments 1 missing"}, tries: 1,
		},
		"the store was away while verify read": {
			change: func(w *runtest.World) {
				w.Always("verify", runtest.Finds(unread, "error", twoSegments, runtest.VerifiedBackup{Label: incr, Status: "invalid", VerifyCounts: runtest.VerifyCounts{Other: 1}}))
			},
			code: ExitGaveUp, want: []string{"of 970 files 1 that cannot be read", "(3 attempts)"}, tries: 3,
		},
		"verify knows nothing of the backup": {
			change: func(w *runtest.World) {
				w.Always("verify", runtest.Prints("stanza: db\nstatus: error\n  backup set "+incr+" is not valid\n"))
			},
			code: ExitGaveUp, want: []string{"pgbackrest verify of repo1 says: backup set " + incr + " is not valid"}, tries: 3,
		},
		"verify prints nothing": {
			change: func(w *runtest.World) { w.Always("verify", runtest.Prints("")) },
			code:   ExitGaveUp, want: []string{"in shop/orders-0 (postgres): cannot read the output of pgbackrest verify: it has no result"}, tries: 3,
		},
		"the stream is lost each time, after a result that looks good": {
			change: func(w *runtest.World) {
				w.Always("verify", runtest.BreaksAfter(runtest.VerifyOutput("ok", twoSegments, runtest.VerifiedBackup{Label: incr})))
			},
			code: ExitGaveUp, want: []string{"lost the stream of pgbackrest verify in shop/orders-0 (postgres)"}, tries: 3,
		},
		"verify fails": {
			change: func(w *runtest.World) { w.On("verify", runtest.FailsAs(w.T, "cipher: wrong pass, backup")) },
			code:   ExitStop, want: []string{"pgbackrest verify failed in shop/orders-0 (postgres): [029]"}, tries: 1,
		},
		"the files cannot be listed": {
			change: func(w *runtest.World) {
				w.On("repo-ls", runtest.Does(func() {}), runtest.FailsAs(w.T, "cipher: wrong pass, backup"))
			},
			code: ExitStop, want: []string{"pgbackrest repo-ls failed in shop/orders-0 (postgres): [029]"},
		},
		"the list of files is none, and is long": {
			change: func(w *runtest.World) {
				listsFiles(w, func(c runtest.Call) error {
					return errors.Join(c.Print("what is this"), c.Print(strings.Repeat(" and this", 9000)))
				})
			},
			code: ExitGaveUp, want: []string{"cannot read the output of pgbackrest repo-ls"},
		},
		"the list of files ends too soon": {
			change: func(w *runtest.World) {
				listsFiles(w, func(c runtest.Call) error {
					return c.Print(`{"pg_data/PG_VERSION":{"type":"file","size":4534133,"time":1`)
				})
			},
			code: ExitGaveUp, want: []string{"cannot read the output of pgbackrest repo-ls"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-24 * time.Hour)})
			p := newPod(w)
			p.parameters.Type = cpo.Incr
			if strings.Contains(name, "too much to read") {
				p.parameters.Verify = strconv.Itoa(runtest.BackupBytes)
			}
			p.mustRun("begin", "precheck", "backup", "expire")
			tc.change(w)
			p.wantFailure(p.run("verify"), tc.code, "verify", stanzaflowv1alpha1.RunFailed, tc.want...)
			if n := len(w.Issued("verify")); tc.tries > 0 && n != tc.tries {
				t.Errorf("verify ran %d times, want %d", n, tc.tries)
			}
		})
	}
}

// listsFiles scripts what repo-ls says of the files of a backup.
func listsFiles(w *runtest.World, says func(runtest.Call) error) {
	w.Always("repo-ls", func(_ context.Context, c runtest.Call) error {
		if !slices.Contains(c.Argv, "--recurse") {
			return runtest.ErrUnscripted
		}
		return says(c)
	})
}

// TestVerifyReads: what is read back is bounded by the parameter.
func TestVerifyReads(t *testing.T) {
	const segments = 2 * 16 << 20
	for name, tc := range map[string]struct {
		typ, version string
		limit        int64
		change       func(*runtest.World)
		want         stanzaflowv1alpha1.BackupVerification
		log          string
	}{
		"a full":                      {typ: cpo.Full, limit: segments + runtest.BackupBytes, want: stanzaflowv1alpha1.VerifiedContents, log: "archived, every file read back"},
		"a full that is too large":    {typ: cpo.Full, limit: segments + runtest.BackupBytes - 1, want: stanzaflowv1alpha1.VerifiedFiles, log: "archived, every file there with its size"},
		"an incr and its full":        {typ: cpo.Incr, limit: segments + 2*runtest.BackupBytes, want: stanzaflowv1alpha1.VerifiedContents},
		"an incr, its full too large": {typ: cpo.Incr, limit: segments + 2*runtest.BackupBytes - 1, want: stanzaflowv1alpha1.VerifiedFiles, log: "would read 42622698 bytes, the parameter verify allows 42622697"},
		"never":                       {typ: cpo.Full, limit: 0, want: stanzaflowv1alpha1.VerifiedFiles},
		// The earlier full, this one, and four segments.
		"the whole repository, by an earlier version":              {typ: cpo.Full, version: "2.45", limit: 2*runtest.BackupBytes + 4*runtest.WALBytes, want: stanzaflowv1alpha1.VerifiedContents},
		"the whole repository is too large, by an earlier version": {typ: cpo.Full, version: "2.45", limit: 2*runtest.BackupBytes + 4*runtest.WALBytes - 1, want: stanzaflowv1alpha1.VerifiedFiles},
		"at the second try": {
			typ: cpo.Full, limit: 10 << 30, want: stanzaflowv1alpha1.VerifiedContents,
			change: func(w *runtest.World) {
				w.On("verify", runtest.BreaksAfter("P00   INFO: verify command begin 2.55.1\n"))
			},
		},
		"for longer than an answer may take": {
			typ: cpo.Full, limit: 10 << 30, want: stanzaflowv1alpha1.VerifiedContents,
			change: func(w *runtest.World) { w.On("verify", runtest.Does(func() { w.Clock.Step(3 * time.Hour) })) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			if tc.version != "" {
				w.Versions[cpo.ContainerPostgreSQL] = tc.version
			}
			w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-24 * time.Hour)})
			p := newPod(w)
			p.parameters.Type, p.parameters.Verify = tc.typ, strconv.FormatInt(tc.limit, 10)
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
			if read := len(w.Issued("verify")) > 0; read != (tc.want == stanzaflowv1alpha1.VerifiedContents) {
				t.Errorf("verify ran: %t", read)
			}
			if tc.want == stanzaflowv1alpha1.VerifiedContents && !strings.Contains(p.file(fileLog), "verify command end") {
				t.Error("the log of the run has nothing of verify")
			}
		})
	}
}
