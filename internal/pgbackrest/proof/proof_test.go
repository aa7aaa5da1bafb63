// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

const (
	fullLabel = "20261122-132826F"
	diffLabel = "20261122-132826F_20261122-132832D"
	incrLabel = "20261122-132826F_20261122-132834I"
	// lostWAL is how a reason about lost WAL ends.
	lostWAL = "; see whether archive-push-queue-max dropped them or the store lost them, then make the backup again."
)

// proven is an input that Prove accepts: the incr of a chain in repo 1, with
// all its WAL. Each call has its own copy.
func proven(t *testing.T) Input {
	t.Helper()
	info := parseSample(t, "info-2.55.1-two-repos-full-diff-incr.json")
	for i := range info.Backups {
		info.Backups[i].Annotation = map[string]string{"run": "of " + info.Backups[i].Label}
	}
	return readBack(t, Input{
		Info: info, Repo: 1, Type: pgbackrest.TypeIncr, Cipher: pgbackrest.CipherNone,
		AnnotationKey: "run", Run: "of " + incrLabel, SegmentBytes: 16 * megabyte,
		Archived:     map[string]bool{"000000010000000000000008": true, "000000010000000000000009": true},
		ArchivedUpTo: "000000010000000000000009",
	})
}

// provenFull is the same for the full in repo 1.
func provenFull(t *testing.T) Input {
	t.Helper()
	in := proven(t)
	in.Type, in.Run = pgbackrest.TypeFull, "of "+fullLabel
	in.Archived = map[string]bool{"000000010000000000000002": true, "000000010000000000000003": true}
	return readBack(t, in)
}

// blockIncremental is the same for an incr with bundles and block incremental.
func blockIncremental(t *testing.T) Input {
	t.Helper()
	return readBack(t, Input{
		Info: parseSample(t, "info-2.55.1-bundle-block.json"), Repo: 1, Type: pgbackrest.TypeIncr, Cipher: pgbackrest.CipherAES256CBC,
		AnnotationKey: "workflow", Run: "wf-incr-1", SegmentBytes: 16 * megabyte,
		Archived: map[string]bool{"000000010000000000000008": true},
	})
}

// readBack adds what repo-ls and verify find where all is well. The result of
// verify has the backup, and with block incremental those that it builds on.
func readBack(t *testing.T, in Input) Input {
	t.Helper()
	b, ok := in.Backup()
	archive, archived := in.Info.Archive(in.Repo, b.DatabaseID)
	if !ok || !archived {
		t.Fatal("no backup with an archive")
	}
	in.Files, in.Verification = map[string]pgbackrest.RepoFiles{}, &Verification{
		OK:       true,
		Archives: map[string]Checked{archive.ID: {Total: len(in.Archived), Valid: len(in.Archived)}},
		Backups:  map[string]Checked{},
	}
	for _, label := range b.Files() {
		link, _ := in.Info.Backup(in.Repo, label)
		in.Files[label] = pgbackrest.RepoFiles{Count: 970, Bytes: link.RepoDeltaBytes, Manifest: true}
		if label == b.Label || b.BlockIncremental() {
			in.Verification.Backups[label] = Checked{Status: VerifyValid, Total: 970, Valid: 970}
		}
	}
	return in
}

func (in Input) edit(t *testing.T, label string) *pgbackrest.Backup {
	t.Helper()
	i := slices.IndexFunc(in.Info.Backups, func(b pgbackrest.Backup) bool { return b.Label == label && b.RepoKey == in.Repo })
	if i < 0 {
		t.Fatalf("no backup %s", label)
	}
	return &in.Info.Backups[i]
}

func TestProve(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		input  func(*testing.T) Input
		change func(*testing.T, *Input)
		label  string
	}{
		"a full":                 {input: provenFull, label: fullLabel},
		"an incr with its chain": {label: incrLabel},
		"while another repository is gone": {
			change: func(_ *testing.T, in *Input) {
				in.Info.Status.Code = 4 // different across repos
				in.Info.Repos[1].Status = pgbackrest.Status{Code: pgbackrest.StatusMissingStanzaPath, Message: "missing stanza path"}
			},
			label: incrLabel,
		},
		"a full for an incr that had nothing to build on": {
			input:  provenFull,
			change: func(_ *testing.T, in *Input) { in.Type = pgbackrest.TypeIncr },
			label:  fullLabel,
		},
		"a full for a diff, with the earlier full in another repository": {
			input: besides(pgbackrest.TypeDiff, func(earlier *pgbackrest.Backup) { earlier.RepoKey = 2 }),
			label: fullLabel,
		},
		"a full for a diff, with an earlier full of the version before the upgrade": {
			input: besides(pgbackrest.TypeDiff, func(earlier *pgbackrest.Backup) { earlier.DatabaseID = 7 }),
			label: fullLabel,
		},
		"a full for a diff, with an earlier full that has errors": {
			input: besides(pgbackrest.TypeDiff, func(earlier *pgbackrest.Backup) { earlier.Error = true }),
			label: fullLabel,
		},
		"a full for a diff, with an earlier diff whose full is gone": {
			input: besides(pgbackrest.TypeDiff, func(earlier *pgbackrest.Backup) { earlier.Type = pgbackrest.TypeDiff }),
			label: fullLabel,
		},
		"a full for an incr, done within a second": {
			input: provenFull,
			change: func(t *testing.T, in *Input) {
				in.Type = pgbackrest.TypeIncr
				full := in.edit(t, fullLabel)
				full.Stop = full.Start
			},
			label: fullLabel,
		},
		"a full for an incr, with a later full": {
			input: besides(pgbackrest.TypeIncr, func(later *pgbackrest.Backup) {
				later.Start, later.Stop = later.Start.Add(time.Hour), later.Stop.Add(time.Hour)
			}),
			label: fullLabel,
		},
		"with bundles and block incremental, which have no repository size": {
			input: blockIncremental,
			label: "20261122-125703F_20261122-125709I",
		},
		"of which there was too much to read back": {
			change: func(_ *testing.T, in *Input) { in.Verification = nil },
			label:  incrLabel,
		},
		// With repo-hardlink the directory of an incr has every file.
		"with hard links to the files of its full": {
			change: func(t *testing.T, in *Input) {
				in.Files[incrLabel] = pgbackrest.RepoFiles{Count: 970, Bytes: in.edit(t, incrLabel).RepoBytes, Manifest: true}
			},
			label: incrLabel,
		},
		// Up to 2.54 verify reads the whole repository.
		"while another backup and WAL that it does not need are broken": {
			change: func(_ *testing.T, in *Input) {
				in.Verification.OK = false
				in.Verification.Archives["15-1"] = Checked{Total: 9, Valid: 8, Other: 1}
				in.Verification.Backups["20261121-130000F"] = Checked{Status: "invalid", Total: 970, Valid: 969, Missing: 1}
				in.Verification.Broken = []BrokenFile{
					{Path: "20261121-130000F/pg_data/PG_VERSION.lz4"},
					{Path: "15-1/0000000100000000/000000010000000000000007-aa.lz4", Failure: failure.Diagnose(29, "")},
				}
			},
			label: incrLabel,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backup, reasons := Prove(makeInput(t, tc.input, tc.change))
			if backup.Label != tc.label || len(reasons) != 0 {
				t.Errorf("%s, not proven because:\n%s", backup.Label, strings.Join(reasons, "\n"))
			}
		})
	}
}

// makeInput makes the input of proven, or another one, and changes it.
func makeInput(t *testing.T, other func(*testing.T) Input, change func(*testing.T, *Input)) Input {
	t.Helper()
	if other == nil {
		other = proven
	}
	in := other(t)
	if change != nil {
		change(t, &in)
	}
	return in
}

// besides is a full backup of a run that asked for another type, with another full in
// the list: that of earlierFull, changed.
func besides(backupType string, change func(*pgbackrest.Backup)) func(*testing.T) Input {
	return func(t *testing.T) Input {
		t.Helper()
		in := provenFull(t)
		in.Type = backupType
		other := earlierFull(t, in)
		change(&other)
		in.Info.Backups = append(in.Info.Backups, other)
		return in
	}
}

// earlierFull is a full that ended when the full of in started.
func earlierFull(t *testing.T, in Input) pgbackrest.Backup {
	t.Helper()
	full := *in.edit(t, fullLabel)
	earlier := full
	earlier.Label, earlier.Annotation = "20261122-130000F", nil
	earlier.Start, earlier.Stop = full.Start.Add(-time.Minute), full.Start
	return earlier
}

// TestProveRefuses has a case for every way in which a clause says no. Each
// input is wrong in one thing only, so that a clause that is removed fails
// its cases.
func TestProveRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		input func(*testing.T) Input
		wrong func(*testing.T, *Input)
		label string
		want  []string
	}{
		"repoIsReadable: the repository is not in info": {
			wrong: func(_ *testing.T, in *Input) { in.Info.Repos = in.Info.Repos[1:] },
			label: incrLabel,
			want:  []string{"pgBackRest knows no repo1 of stanza main; check that the repository is in its configuration."},
		},
		"repoIsReadable: nor is the stanza": {
			wrong: func(_ *testing.T, in *Input) {
				in.Info = pgbackrest.Info{Stanza: "main", Status: pgbackrest.Status{Code: pgbackrest.StatusMissingStanzaPath, Message: "missing stanza path"}}
			},
			want: []string{"pgBackRest knows no repo1 of stanza main: status 1, missing stanza path."},
		},
		"repoIsReadable: the repository has a status of its own": {
			wrong: func(t *testing.T, in *Input) {
				in.Info.Repos[0].Status = parseSample(t, "info-2.45-wrong-cipher.json").Repos[0].Status
			},
			label: incrLabel,
			want: []string{"pgBackRest reports repo1 of stanza main with status 99: " +
				"[FormatError] unable to load info file '…/main/backup.info' or '…/main/backup.info.copy'."},
		},
		"runHasOneBackup: none": {
			wrong: func(_ *testing.T, in *Input) { in.Run = "another" },
			want:  []string{"No backup in repo1 is listed with the annotation run=another of this run."},
		},
		"repoHasTheCipherAskedFor: not encrypted, although asked": {
			wrong: func(_ *testing.T, in *Input) { in.Cipher = pgbackrest.CipherAES256CBC },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher none in pgbackrest info, the resource asks for aes-256-cbc: " +
				"the backup is not encrypted as asked."},
		},
		"repoHasTheCipherAskedFor: encrypted, although not asked": {
			wrong: func(_ *testing.T, in *Input) { in.Info.Repos[0].Cipher = pgbackrest.CipherAES256CBC },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher aes-256-cbc in pgbackrest info, the resource asks for none: " +
				"the backup is encrypted, which nobody asked for."},
		},
		"repoHasTheCipherAskedFor: that of another repository does not count": {
			wrong: func(_ *testing.T, in *Input) {
				in.Cipher = pgbackrest.CipherAES256CBC
				in.Info.Repos[1].Cipher = pgbackrest.CipherAES256CBC
			},
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher none in pgbackrest info, the resource asks for aes-256-cbc: " +
				"the backup is not encrypted as asked."},
		},
		"repoHasTheCipherAskedFor: info does not say": {
			wrong: func(_ *testing.T, in *Input) { in.Info.Repos[0].Cipher = "" },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher nothing in pgbackrest info, the resource asks for none: " +
				"whether the backup is encrypted as asked is not known."},
		},
		"repoHasTheCipherAskedFor: the resource does not say": {
			wrong: func(_ *testing.T, in *Input) { in.Cipher = "" },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher none in pgbackrest info, the resource asks for nothing: " +
				"whether the backup is encrypted as asked is not known."},
		},
		"repoHasTheCipherAskedFor: nobody knows": {
			wrong: func(_ *testing.T, in *Input) { in.Info.Repos[0].Cipher, in.Cipher = "", "" },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher nothing in pgbackrest info, the resource asks for nothing: " +
				"whether the backup is encrypted as asked is not known."},
		},
		"runHasOneBackup: it is in another repository": {
			wrong: func(_ *testing.T, in *Input) { in.Repo, in.Cipher = 2, pgbackrest.CipherAES256CBC },
			want:  []string{"No backup in repo2 is listed with the annotation run=of 20261122-132826F_20261122-132834I of this run."},
		},
		"runHasOneBackup: two": {
			wrong: func(t *testing.T, in *Input) {
				in.edit(t, diffLabel).Annotation = map[string]string{"run": in.Run}
			},
			want: []string{"2 backups in repo1 carry the annotation run=of 20261122-132826F_20261122-132834I of this run, " +
				"so none of them is certain: 20261122-132826F_20261122-132832D, 20261122-132826F_20261122-132834I."},
		},
		"runHasOneBackup: a run without a name": {
			wrong: func(t *testing.T, in *Input) {
				in.Run = ""
				in.edit(t, incrLabel).Annotation = map[string]string{"run": ""}
			},
			label: incrLabel,
			want:  []string{"The run has no name to look for in the annotations of repo1."},
		},
		"hasNoPageErrors": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, incrLabel).Error = true },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I in repo1 has page checksum errors: " +
				"run `pgbackrest info --stanza=main --repo=1 --set=20261122-132826F_20261122-132834I` " +
				"to see in which files, then check the disks of the database."},
		},
		"hasTheTypeAskedFor: an incr for a full": {
			wrong: func(_ *testing.T, in *Input) { in.Type = pgbackrest.TypeFull },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 is of type incr, but full was asked for."},
		},
		"hasTheTypeAskedFor: an incr for a diff": {
			wrong: func(_ *testing.T, in *Input) { in.Type = pgbackrest.TypeDiff },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 is of type incr, but diff was asked for."},
		},
		"hasTheTypeAskedFor: a full for nothing we know": {
			input: provenFull,
			wrong: func(_ *testing.T, in *Input) { in.Type = "weekly" },
			label: fullLabel,
			want:  []string{"Backup 20261122-132826F in repo1 is of type full, but weekly was asked for."},
		},
		"hasTheTypeAskedFor: a full for an incr that had a full to build on": {
			input: provenFull,
			wrong: func(t *testing.T, in *Input) {
				in.Type = pgbackrest.TypeIncr
				in.Info.Backups = append(in.Info.Backups, earlierFull(t, *in))
			},
			label: fullLabel,
			want: []string{"Backup 20261122-132826F in repo1 is of type full, but incr was asked for " +
				"and the earlier full 20261122-130000F was there to build on."},
		},
		"hasTimes: no start": {
			input: provenFull,
			wrong: func(t *testing.T, in *Input) { in.edit(t, fullLabel).Start = time.Time{} },
			label: fullLabel,
			want:  []string{"Backup 20261122-132826F in repo1 has no start or no stop time."},
		},
		"hasTimes: no stop": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, incrLabel).Stop = time.Time{} },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 has no start or no stop time."},
		},
		"hasTimes: stop before start": {
			wrong: func(t *testing.T, in *Input) {
				b := in.edit(t, incrLabel)
				b.Stop = b.Start.Add(-time.Second)
			},
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 stops before it starts; check the clock of the host."},
		},
		"hasData: a database of no size": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, incrLabel).DatabaseBytes = 0 },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 reports a database size of 0."},
		},
		"hasData: nothing in the repository": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, incrLabel).RepoDeltaBytes = 0 },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I put no data into repo1."},
		},
		"hasItsChain: an incr of nothing": {
			wrong: func(t *testing.T, in *Input) {
				b := in.edit(t, incrLabel)
				b.Prior, b.Reference = "", nil
			},
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 is of type incr, but names no earlier backup."},
		},
		"hasItsChain: a reference is gone, and a backup of the same label in another repository is no help": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, fullLabel).RepoKey = 2 },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F, which is not in repo1."},
		},
		"hasItsChain: the prior is gone, although no file is in it": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, incrLabel).Prior = "20261122-130000F" },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-130000F, which is not in repo1."},
		},
		"hasItsChain: a reference has errors": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, fullLabel).Error = true },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F in repo1, " +
				"which has page checksum errors; make a new full backup."},
		},
		"hasItsChain: a reference is not earlier": {
			wrong: func(t *testing.T, in *Input) {
				in.edit(t, diffLabel).Stop = in.edit(t, incrLabel).Start.Add(time.Second)
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F_20261122-132832D in repo1, " +
				"which did not end before it."},
		},
		"hasItsChain: a reference never ended": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, diffLabel).Stop = time.Time{} },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F_20261122-132832D in repo1, " +
				"which did not end before it."},
		},
		"hasItsChain: a backup that refers to itself": {
			wrong: func(t *testing.T, in *Input) {
				b := in.edit(t, incrLabel)
				b.Reference = append(slices.Clone(b.Reference), incrLabel)
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F_20261122-132834I in repo1, " +
				"which did not end before it."},
		},
		"hasAnArchive: none in this repository": {
			wrong: func(_ *testing.T, in *Input) { in.Info.Archives = in.Info.Archives[1:] },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I has no WAL archive of its database 1 in repo1."},
		},
		"hasAnArchive: only of another database": {
			wrong: func(_ *testing.T, in *Input) { in.Info.Archives[0].DatabaseID = 2 },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I has no WAL archive of its database 1 in repo1."},
		},
		"hasAnArchive: one without a name": {
			wrong: func(_ *testing.T, in *Input) { in.Info.Archives[0].ID = "" },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I has no WAL archive of its database 1 in repo1."},
		},
		"hasItsWAL: the first segment is missing": {
			wrong: func(_ *testing.T, in *Input) { delete(in.Archived, "000000010000000000000008") },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: " +
				"1 of the 2 WAL segments it needs are not in repo1, although PostgreSQL has archived them: 000000010000000000000008" + lostWAL},
		},
		"hasItsWAL: the last segment is missing": {
			wrong: func(_ *testing.T, in *Input) { delete(in.Archived, "000000010000000000000009") },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: " +
				"1 of the 2 WAL segments it needs are not in repo1, although PostgreSQL has archived them: 000000010000000000000009" + lostWAL},
		},
		"hasItsWAL: many are missing": {
			wrong: func(t *testing.T, in *Input) {
				in.edit(t, incrLabel).WALStop = "000000010000000100000000"
				in.Verification.Archives["15-1"] = Checked{Total: 249, Valid: 249}
				in.ArchivedUpTo = "000000010000000100000000.00000028.backup"
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: 247 of the 249 WAL segments it needs are not in repo1, although PostgreSQL has archived them: " +
				"00000001000000000000000A, 00000001000000000000000B, 00000001000000000000000C and 244 more" + lostWAL},
		},
		"hasItsWAL: a segment is there twice": {
			wrong: func(_ *testing.T, in *Input) { in.Archived["000000010000000000000009"] = false },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: 1 of the 2 WAL segments it needs are in repo1 " +
				"more than once with different content: 000000010000000000000009; find out whether two primaries archive to this stanza."},
		},
		"hasItsWAL: nobody listed the archive": {
			wrong: func(_ *testing.T, in *Input) { in.Archived = nil },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: 2 of the 2 WAL segments it needs are not in repo1, although PostgreSQL has archived them: " +
				"000000010000000000000008, 000000010000000000000009" + lostWAL},
		},
		"hasItsWAL: nobody knows what PostgreSQL has archived": {
			wrong: func(_ *testing.T, in *Input) { in.Archived, in.ArchivedUpTo = nil, "" },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I is not complete yet: 2 of the 2 WAL segments it needs are late, not in repo1: " +
				"000000010000000000000008, 000000010000000000000009; see why in the PostgreSQL log and in pg_stat_archiver."},
		},
		"hasItsWAL: one is lost and the next is late": {
			wrong: func(_ *testing.T, in *Input) { in.Archived, in.ArchivedUpTo = nil, "000000010000000000000008" },
			label: incrLabel,
			want: []string{
				"Backup 20261122-132826F_20261122-132834I is not complete yet: 1 of the 2 WAL segments it needs are late, not in repo1: " +
					"000000010000000000000009; see why in the PostgreSQL log and in pg_stat_archiver.",
				"Backup 20261122-132826F_20261122-132834I cannot be restored: 1 of the 2 WAL segments it needs are not in repo1, " +
					"although PostgreSQL has archived them: 000000010000000000000008" + lostWAL,
			},
		},
		"hasItsWAL: no stop segment": {
			wrong: func(t *testing.T, in *Input) { in.edit(t, incrLabel).WALStop = "" },
			label: incrLabel,
			want: []string{"The WAL that backup 20261122-132826F_20261122-132834I in repo1 needs is not known: " +
				"\"\" is not the name of a WAL segment, 24 hexadecimal digits."},
		},
		"hasItsWAL: the segment size is not known": {
			wrong: func(_ *testing.T, in *Input) { in.SegmentBytes = 0 },
			label: incrLabel,
			want: []string{"The WAL that backup 20261122-132826F_20261122-132834I in repo1 needs is not known: " +
				"WAL segment size 0 is not a power of two between 1 MiB and 1 GiB."},
		},
		"hasItsFiles: a file of the backup is gone or cut short": {
			wrong: func(_ *testing.T, in *Input) {
				in.Files[incrLabel] = pgbackrest.RepoFiles{Count: 970, Bytes: in.Files[incrLabel].Bytes - 1, Manifest: true}
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I lacks 1 of its 366 bytes in repo1, files are missing or cut short: " +
				"make a new full backup, and look at the store."},
		},
		"hasItsFiles: one of the full is": {
			wrong: func(_ *testing.T, in *Input) { in.Files[fullLabel] = pgbackrest.RepoFiles{Manifest: true} },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F, on which 20261122-132826F_20261122-132834I builds, lacks 2823242 of its 2823242 bytes in repo1, " +
				"files are missing or cut short: make a new full backup, and look at the store."},
		},
		"hasItsFiles: the manifest is gone": {
			wrong: func(_ *testing.T, in *Input) {
				in.Files[incrLabel] = pgbackrest.RepoFiles{Count: 970, Bytes: in.Files[incrLabel].Bytes}
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I has no manifest in repo1: " +
				"make a new full backup, and look at the store."},
		},
		"hasItsFiles: nobody listed them": {
			wrong: func(_ *testing.T, in *Input) { delete(in.Files, diffLabel) },
			label: incrLabel,
			want:  []string{"The files of backup 20261122-132826F_20261122-132832D in repo1 have not been listed."},
		},
		"hasItsContents: a file is missing, and one has another checksum": {
			wrong: func(_ *testing.T, in *Input) {
				in.Verification.Backups[incrLabel] = Checked{Status: "invalid", Total: 970, Valid: 968, Missing: 1, Checksum: 1}
				in.Verification.Broken = []BrokenFile{{Path: fullLabel + "/pg_data/PG_VERSION.lz4"}, {Path: fullLabel + "/pg_data/base/1/2.lz4"}}
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I is not whole in repo1, pgbackrest verify finds of 970 files 1 missing, " +
				"1 with a wrong checksum, such as 20261122-132826F/pg_data/PG_VERSION.lz4: make a new full backup, and look at the store."},
		},
		"hasItsContents: no file was read": {
			wrong: func(_ *testing.T, in *Input) { in.Verification.Backups[incrLabel] = Checked{Status: VerifyValid} },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I is not whole in repo1, pgbackrest verify finds no manifest that it can read: " +
				"make a new full backup, and look at the store."},
		},
		"hasItsContents: not all files are valid, and nothing says why": {
			wrong: func(_ *testing.T, in *Input) {
				in.Verification.Backups[incrLabel] = Checked{Status: VerifyValid, Total: 970, Valid: 969}
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I is not whole in repo1, pgbackrest verify finds of 970 files 969 valid: " +
				"make a new full backup, and look at the store."},
		},
		"hasItsContents: all files are valid, and the backup is not": {
			wrong: func(_ *testing.T, in *Input) {
				in.Verification.Backups[incrLabel] = Checked{Status: "in-progress", Total: 970, Valid: 970}
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I is not whole in repo1, pgbackrest verify finds of 970 files 970 valid: " +
				"make a new full backup, and look at the store."},
		},
		"hasItsContents: another backup was read": {
			wrong: func(_ *testing.T, in *Input) {
				in.Verification.Backups = map[string]Checked{fullLabel: {Status: VerifyValid, Total: 970, Valid: 970}}
			},
			label: incrLabel,
			want:  []string{"pgbackrest verify has not read backup 20261122-132826F_20261122-132834I in repo1."},
		},
		"hasItsContents: with block incremental, the full was not read": {
			wrong: func(t *testing.T, in *Input) {
				in.edit(t, incrLabel).RepoBytes = 0
				in.Verification.Backups[diffLabel] = Checked{Status: VerifyValid, Total: 970, Valid: 970}
			},
			label: incrLabel,
			want:  []string{"pgbackrest verify has not read backup 20261122-132826F in repo1."},
		},
		"hasItsContents: WAL of the backup has another checksum": {
			wrong: func(_ *testing.T, in *Input) {
				in.Verification.Archives["15-1"] = Checked{Total: 2, Valid: 1, Checksum: 1}
				in.Verification.Broken = []BrokenFile{{Path: "15-1/0000000100000000/000000010000000000000009-aa.lz4"}}
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored, pgbackrest verify finds in repo1 of 2 segments 1 with a wrong checksum, " +
				"such as 15-1/0000000100000000/000000010000000000000009-aa.lz4: make a new full backup, and look at the store."},
		},
		"hasItsContents: WAL is missing, and nothing says which": {
			wrong: func(_ *testing.T, in *Input) {
				in.Verification.Archives["15-1"] = Checked{Total: 9, Valid: 8, Missing: 1}
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored, pgbackrest verify finds in repo1 of 9 segments 1 missing: " +
				"make a new full backup, and look at the store."},
		},
		"hasItsContents: WAL is missing, although all of it is valid": {
			wrong: func(_ *testing.T, in *Input) {
				in.Verification.Archives["15-1"] = Checked{Total: 2, Valid: 2, Missing: 1}
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored, pgbackrest verify finds in repo1 of 2 segments 1 missing: " +
				"make a new full backup, and look at the store."},
		},
		"hasItsContents: the WAL was not read": {
			wrong: func(_ *testing.T, in *Input) {
				in.Verification.Archives = map[string]Checked{"14-1": {Total: 9, Valid: 9}}
			},
			label: incrLabel,
			want:  []string{"pgbackrest verify has read 0 of the 2 WAL segments that backup 20261122-132826F_20261122-132834I in repo1 needs."},
		},
		"hasItsContents: verify says something else": {
			wrong: func(_ *testing.T, in *Input) { in.Verification.Remarks = []string{"No usable backup.info file"} },
			label: incrLabel,
			want:  []string{"pgbackrest verify of repo1 says: No usable backup.info file."},
		},
		"hasItsContents: an error of which nothing is said": {
			wrong: func(_ *testing.T, in *Input) { in.Verification.OK = false },
			label: incrLabel,
			want:  []string{"pgbackrest verify of repo1 ends with status error and does not say why; run it by hand."},
		},
		"all that is wrong is named": {
			wrong: func(t *testing.T, in *Input) {
				in.Type = pgbackrest.TypeFull
				in.edit(t, incrLabel).DatabaseBytes = 0
				in.Archived = nil
			},
			label: incrLabel,
			want: []string{
				"Backup 20261122-132826F_20261122-132834I in repo1 is of type incr, but full was asked for.",
				"Backup 20261122-132826F_20261122-132834I in repo1 reports a database size of 0.",
				"Backup 20261122-132826F_20261122-132834I cannot be restored: 2 of the 2 WAL segments it needs are not in repo1, although PostgreSQL has archived them: " +
					"000000010000000000000008, 000000010000000000000009" + lostWAL,
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backup, reasons := Prove(makeInput(t, tc.input, tc.wrong))
			if diff := cmp.Diff(tc.want, reasons); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if backup.Label != tc.label {
				t.Errorf("backup %q, want %q", backup.Label, tc.label)
			}
		})
	}
}

func TestProveDoesNotChangeItsInput(t *testing.T) {
	t.Parallel()
	in := proven(t)
	Prove(in)
	in.OnlyUnread()
	in.OnlyLate()
	if diff := cmp.Diff(proven(t), in); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEveryClauseIsNeeded has for every clause an input that only this clause
// refuses. Without the clause it is proven: so a clause that nobody needs is seen,
// and one that has no case here.
func TestEveryClauseIsNeeded(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*testing.T, *Input){
		"repoIsReadable": func(_ *testing.T, in *Input) {
			in.Info.Repos[0].Status = pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[CryptoError]"}
		},
		"repoHasTheCipherAskedFor": func(_ *testing.T, in *Input) { in.Cipher = pgbackrest.CipherAES256CBC },
		// Where there are none or several, there is nothing to judge without the clause either.
		"runHasOneBackup": func(t *testing.T, in *Input) {
			in.Run = ""
			in.edit(t, incrLabel).Annotation = map[string]string{in.AnnotationKey: ""}
		},
		"hasNoPageErrors":    func(t *testing.T, in *Input) { in.edit(t, incrLabel).Error = true },
		"hasTheTypeAskedFor": func(_ *testing.T, in *Input) { in.Type = pgbackrest.TypeDiff },
		"hasTimes":           func(t *testing.T, in *Input) { in.edit(t, incrLabel).Stop = time.Time{} },
		"hasData":            func(t *testing.T, in *Input) { in.edit(t, incrLabel).DatabaseBytes = 0 },
		"hasItsChain":        func(t *testing.T, in *Input) { in.edit(t, fullLabel).Error = true },
		"hasAnArchive":       func(_ *testing.T, in *Input) { in.Info.Archives[0].DatabaseID = 2 },
		"hasItsWAL":          func(_ *testing.T, in *Input) { delete(in.Archived, "000000010000000000000009") },
		"hasItsFiles":        func(_ *testing.T, in *Input) { in.Files[fullLabel] = pgbackrest.RepoFiles{Manifest: true} },
		"hasItsContents": func(_ *testing.T, in *Input) {
			in.Verification.Backups[incrLabel] = Checked{Status: "invalid", Total: 970, Valid: 969, Checksum: 1}
		},
	}
	refused := func(t *testing.T, name string) Input {
		t.Helper()
		wrong, ok := cases[name]
		if !ok {
			t.Fatalf("no case for the clause %s", name)
		}
		in := proven(t)
		wrong(t, &in)
		if _, reasons := Prove(in); len(reasons) != 1 {
			t.Errorf("%d reasons, want one: %q", len(reasons), reasons)
		}
		return in
	}
	needed := func(t *testing.T, in Input, c clauses) {
		t.Helper()
		if _, reasons := c.prove(in); len(reasons) > 0 {
			t.Errorf("without the clause it is still not proven: %q", reasons)
		}
	}
	names := map[string]bool{}
	for i, clause := range allClauses.search {
		name := functionName(clause)
		names[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needed(t, refused(t, name), clauses{search: without(allClauses.search, i), backup: allClauses.backup})
		})
	}
	for i, clause := range allClauses.backup {
		name := functionName(clause)
		names[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needed(t, refused(t, name), clauses{search: allClauses.search, backup: without(allClauses.backup, i)})
		})
	}
	for name := range cases {
		if !names[name] {
			t.Errorf("there is no clause %s", name)
		}
	}
}

func functionName(f any) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return name[strings.LastIndex(name, ".")+1:]
}

func without[T any](all []T, i int) []T { return slices.Delete(slices.Clone(all), i, i+1) }

func parseSample(t testing.TB, name string) pgbackrest.Info {
	t.Helper()
	info, err := pgbackrest.ParseInfo(pgbackresttest.Sample(t, name), "main")
	if err != nil {
		t.Fatal(err)
	}
	return info
}
