// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	fullLabel = "20261122-132826F"
	diffLabel = "20261122-132826F_20261122-132832D"
	incrLabel = "20261122-132826F_20261122-132834I"
)

// proven is an input that Prove accepts: the incr of a chain in repo 1, with
// all its WAL. Each call has its own copy.
func proven(t *testing.T) ProofInput {
	t.Helper()
	info := mustParse(t, "info-2.55.1-two-repos-full-diff-incr.json")
	for i := range info.Backups {
		info.Backups[i].Annotation = map[string]string{"run": "of " + info.Backups[i].Label}
	}
	return ProofInput{
		Info: info, Repo: 1, Type: TypeIncr, Cipher: CipherNone,
		AnnotationKey: "run", Run: "of " + incrLabel, SegmentBytes: 16 * megabyte,
		Archived: map[string]bool{"000000010000000000000008": true, "000000010000000000000009": true},
	}
}

// provenFull is the same for the full in repo 1.
func provenFull(t *testing.T) ProofInput {
	t.Helper()
	in := proven(t)
	in.Type, in.Run = TypeFull, "of "+fullLabel
	in.Archived = map[string]bool{"000000010000000000000002": true, "000000010000000000000003": true}
	return in
}

func (in ProofInput) edit(t *testing.T, label string) *Backup {
	t.Helper()
	i := slices.IndexFunc(in.Info.Backups, func(b Backup) bool { return b.Label == label && b.RepoKey == in.Repo })
	if i < 0 {
		t.Fatalf("no backup %s", label)
	}
	return &in.Info.Backups[i]
}

func TestProve(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		in    func(*testing.T) ProofInput
		label string
	}{
		"a full":                 {in: provenFull, label: fullLabel},
		"an incr with its chain": {in: proven, label: incrLabel},
		"while another repository is gone": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				in := proven(t)
				in.Info.Status.Code = StatusMixed
				in.Info.Repos[1].Status = Status{Code: StatusMissingStanzaPath, Message: "missing stanza path"}
				return in
			},
			label: incrLabel,
		},
		"a full for an incr that had nothing to build on": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				in := provenFull(t)
				in.Type = TypeIncr
				return in
			},
			label: fullLabel,
		},
		"a full for a diff, with the earlier full in another repository": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				in := provenFull(t)
				in.Type = TypeDiff
				earlier := earlierFull(t, in)
				earlier.RepoKey = 2
				in.Info.Backups = append(in.Info.Backups, earlier)
				return in
			},
			label: fullLabel,
		},
		"a full for a diff, with an earlier full of the version before the upgrade": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				in := provenFull(t)
				in.Type = TypeDiff
				earlier := earlierFull(t, in)
				earlier.DatabaseID = 7
				in.Info.Backups = append(in.Info.Backups, earlier)
				return in
			},
			label: fullLabel,
		},
		"a full for a diff, with an earlier full that has errors": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				in := provenFull(t)
				in.Type = TypeDiff
				earlier := earlierFull(t, in)
				earlier.Error = true
				in.Info.Backups = append(in.Info.Backups, earlier)
				return in
			},
			label: fullLabel,
		},
		"a full for a diff, with an earlier diff whose full is gone": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				in := provenFull(t)
				in.Type = TypeDiff
				earlier := earlierFull(t, in)
				earlier.Type = TypeDiff
				in.Info.Backups = append(in.Info.Backups, earlier)
				return in
			},
			label: fullLabel,
		},
		"a full for an incr, done within a second": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				in := provenFull(t)
				in.Type = TypeIncr
				full := in.edit(t, fullLabel)
				full.Stop = full.Start
				return in
			},
			label: fullLabel,
		},
		"a full for an incr, with a later full": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				in := provenFull(t)
				in.Type = TypeIncr
				later := earlierFull(t, in)
				later.Start, later.Stop = later.Start.Add(time.Hour), later.Stop.Add(time.Hour)
				in.Info.Backups = append(in.Info.Backups, later)
				return in
			},
			label: fullLabel,
		},
		"with bundles and block incremental, which have no repository size": {
			in: func(t *testing.T) ProofInput {
				t.Helper()
				return ProofInput{
					Info: mustParse(t, "info-2.55.1-bundle-block.json"), Repo: 1, Type: TypeIncr, Cipher: CipherAES256CBC,
					AnnotationKey: "workflow", Run: "wf-incr-1", SegmentBytes: 16 * megabyte,
					Archived: map[string]bool{"000000010000000000000008": true},
				}
			},
			label: "20261122-125703F_20261122-125709I",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backup, reasons := Prove(tc.in(t))
			if backup.Label != tc.label || len(reasons) != 0 {
				t.Errorf("%s, not proven because:\n%s", backup.Label, strings.Join(reasons, "\n"))
			}
		})
	}
}

// earlierFull is a full that ended when the full of in started.
func earlierFull(t *testing.T, in ProofInput) Backup {
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
		input func(*testing.T) ProofInput
		wrong func(*testing.T, *ProofInput)
		label string
		want  []string
	}{
		"repoIsReadable: the repository is not in info": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Info.Repos = in.Info.Repos[1:] },
			label: incrLabel,
			want:  []string{"pgBackRest knows no repo1 of stanza main; check that the repository is in its configuration."},
		},
		"repoIsReadable: nor is the stanza": {
			wrong: func(_ *testing.T, in *ProofInput) {
				in.Info = Info{Stanza: "main", Status: Status{Code: StatusMissingStanzaPath, Message: "missing stanza path"}}
			},
			want: []string{"pgBackRest knows no repo1 of stanza main: status 1, missing stanza path."},
		},
		"repoIsReadable: the repository has a status of its own": {
			wrong: func(t *testing.T, in *ProofInput) {
				in.Info.Repos[0].Status = mustParse(t, "info-2.45-wrong-cipher.json").Repos[0].Status
			},
			label: incrLabel,
			want: []string{"pgBackRest reports repo1 of stanza main with status 99: " +
				"[FormatError] unable to load info file '…/main/backup.info' or '…/main/backup.info.copy'."},
		},
		"runHasOneBackup: none": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Run = "another" },
			want:  []string{"No backup in repo1 is listed with the annotation run=another of this run."},
		},
		"repoHasTheCipherAskedFor: not encrypted, although asked": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Cipher = CipherAES256CBC },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher none in pgbackrest info, the resource asks for aes-256-cbc: " +
				"the backup is not encrypted as asked."},
		},
		"repoHasTheCipherAskedFor: encrypted, although not asked": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Info.Repos[0].Cipher = CipherAES256CBC },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher aes-256-cbc in pgbackrest info, the resource asks for none: " +
				"the backup is encrypted, which nobody asked for."},
		},
		"repoHasTheCipherAskedFor: that of another repository does not count": {
			wrong: func(_ *testing.T, in *ProofInput) {
				in.Cipher = CipherAES256CBC
				in.Info.Repos[1].Cipher = CipherAES256CBC
			},
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher none in pgbackrest info, the resource asks for aes-256-cbc: " +
				"the backup is not encrypted as asked."},
		},
		"repoHasTheCipherAskedFor: info does not say": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Info.Repos[0].Cipher = "" },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher nothing in pgbackrest info, the resource asks for none: " +
				"whether the backup is encrypted as asked is not known."},
		},
		"repoHasTheCipherAskedFor: the resource does not say": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Cipher = "" },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher none in pgbackrest info, the resource asks for nothing: " +
				"whether the backup is encrypted as asked is not known."},
		},
		"repoHasTheCipherAskedFor: nobody knows": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Info.Repos[0].Cipher, in.Cipher = "", "" },
			label: incrLabel,
			want: []string{"Repo1 of stanza main has cipher nothing in pgbackrest info, the resource asks for nothing: " +
				"whether the backup is encrypted as asked is not known."},
		},
		"runHasOneBackup: it is in another repository": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Repo, in.Cipher = 2, CipherAES256CBC },
			want:  []string{"No backup in repo2 is listed with the annotation run=of 20261122-132826F_20261122-132834I of this run."},
		},
		"runHasOneBackup: two": {
			wrong: func(t *testing.T, in *ProofInput) {
				in.edit(t, diffLabel).Annotation = map[string]string{"run": in.Run}
			},
			want: []string{"2 backups in repo1 carry the annotation run=of 20261122-132826F_20261122-132834I of this run, " +
				"so none of them is certain: 20261122-132826F_20261122-132832D, 20261122-132826F_20261122-132834I."},
		},
		"runHasOneBackup: a run without a name": {
			wrong: func(t *testing.T, in *ProofInput) {
				in.Run = ""
				in.edit(t, incrLabel).Annotation = map[string]string{"run": ""}
			},
			label: incrLabel,
			want:  []string{"The run has no name to look for in the annotations of repo1."},
		},
		"hasNoPageErrors": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, incrLabel).Error = true },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I in repo1 has page checksum errors: " +
				"run `pgbackrest info --stanza=main --repo=1 --set=20261122-132826F_20261122-132834I` " +
				"to see in which files, then check the disks of the database."},
		},
		"hasTheTypeAskedFor: an incr for a full": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Type = TypeFull },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 is of type incr, but full was asked for."},
		},
		"hasTheTypeAskedFor: an incr for a diff": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Type = TypeDiff },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 is of type incr, but diff was asked for."},
		},
		"hasTheTypeAskedFor: a full for nothing we know": {
			input: provenFull,
			wrong: func(_ *testing.T, in *ProofInput) { in.Type = "weekly" },
			label: fullLabel,
			want:  []string{"Backup 20261122-132826F in repo1 is of type full, but weekly was asked for."},
		},
		"hasTheTypeAskedFor: a full for an incr that had a full to build on": {
			input: provenFull,
			wrong: func(t *testing.T, in *ProofInput) {
				in.Type = TypeIncr
				in.Info.Backups = append(in.Info.Backups, earlierFull(t, *in))
			},
			label: fullLabel,
			want: []string{"Backup 20261122-132826F in repo1 is of type full, but incr was asked for " +
				"and the earlier full 20261122-130000F was there to build on."},
		},
		"hasTimes: no start": {
			input: provenFull,
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, fullLabel).Start = time.Time{} },
			label: fullLabel,
			want:  []string{"Backup 20261122-132826F in repo1 has no start or no stop time."},
		},
		"hasTimes: no stop": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, incrLabel).Stop = time.Time{} },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 has no start or no stop time."},
		},
		"hasTimes: stop before start": {
			wrong: func(t *testing.T, in *ProofInput) {
				b := in.edit(t, incrLabel)
				b.Stop = b.Start.Add(-time.Second)
			},
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 stops before it starts; check the clock of the host."},
		},
		"hasData: a database of no size": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, incrLabel).DatabaseBytes = 0 },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 is of a database of no size."},
		},
		"hasData: nothing in the repository": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, incrLabel).RepoDeltaBytes = 0 },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I put no data into repo1."},
		},
		"hasItsChain: an incr of nothing": {
			wrong: func(t *testing.T, in *ProofInput) {
				b := in.edit(t, incrLabel)
				b.Prior, b.Reference = "", nil
			},
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I in repo1 is of type incr, but names no earlier backup."},
		},
		"hasItsChain: a reference is gone, and a backup of the same label in another repository is no help": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, fullLabel).RepoKey = 2 },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F, which is not in repo1."},
		},
		"hasItsChain: the prior is gone, although no file is in it": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, incrLabel).Prior = "20261122-130000F" },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-130000F, which is not in repo1."},
		},
		"hasItsChain: a reference has errors": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, fullLabel).Error = true },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F in repo1, " +
				"which has page checksum errors; make a new full backup."},
		},
		"hasItsChain: a reference is not earlier": {
			wrong: func(t *testing.T, in *ProofInput) {
				in.edit(t, diffLabel).Stop = in.edit(t, incrLabel).Start.Add(time.Second)
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F_20261122-132832D in repo1, " +
				"which did not end before it."},
		},
		"hasItsChain: a reference never ended": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, diffLabel).Stop = time.Time{} },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F_20261122-132832D in repo1, " +
				"which did not end before it."},
		},
		"hasItsChain: a backup that refers to itself": {
			wrong: func(t *testing.T, in *ProofInput) {
				b := in.edit(t, incrLabel)
				b.Reference = append(slices.Clone(b.Reference), incrLabel)
			},
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I needs backup 20261122-132826F_20261122-132834I in repo1, " +
				"which did not end before it."},
		},
		"hasAnArchive: none in this repository": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Info.Archives = in.Info.Archives[1:] },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I has no WAL archive of its database 1 in repo1."},
		},
		"hasAnArchive: only of another database": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Info.Archives[0].DatabaseID = 2 },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I has no WAL archive of its database 1 in repo1."},
		},
		"hasAnArchive: one without a name": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Info.Archives[0].ID = "" },
			label: incrLabel,
			want:  []string{"Backup 20261122-132826F_20261122-132834I has no WAL archive of its database 1 in repo1."},
		},
		"hasItsWAL: the first segment is missing": {
			wrong: func(_ *testing.T, in *ProofInput) { delete(in.Archived, "000000010000000000000008") },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: " +
				"1 of the 2 WAL segments it needs are not in repo1: 000000010000000000000008."},
		},
		"hasItsWAL: the last segment is missing": {
			wrong: func(_ *testing.T, in *ProofInput) { delete(in.Archived, "000000010000000000000009") },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: " +
				"1 of the 2 WAL segments it needs are not in repo1: 000000010000000000000009."},
		},
		"hasItsWAL: many are missing": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, incrLabel).WALStop = "000000010000000100000000" },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: 247 of the 249 WAL segments it needs are not in repo1: " +
				"00000001000000000000000A, 00000001000000000000000B, 00000001000000000000000C and 244 more."},
		},
		"hasItsWAL: a segment is there twice": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Archived["000000010000000000000009"] = false },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: 1 of the 2 WAL segments it needs are in repo1 " +
				"more than once with different content: 000000010000000000000009; find out whether two primaries archive to this stanza."},
		},
		"hasItsWAL: nobody listed the archive": {
			wrong: func(_ *testing.T, in *ProofInput) { in.Archived = nil },
			label: incrLabel,
			want: []string{"Backup 20261122-132826F_20261122-132834I cannot be restored: 2 of the 2 WAL segments it needs are not in repo1: " +
				"000000010000000000000008, 000000010000000000000009."},
		},
		"hasItsWAL: no stop segment": {
			wrong: func(t *testing.T, in *ProofInput) { in.edit(t, incrLabel).WALStop = "" },
			label: incrLabel,
			want: []string{"The WAL that backup 20261122-132826F_20261122-132834I in repo1 needs is not known: " +
				"\"\" is not the name of a WAL segment, 24 hexadecimal digits."},
		},
		"hasItsWAL: the segment size is not known": {
			wrong: func(_ *testing.T, in *ProofInput) { in.SegmentBytes = 0 },
			label: incrLabel,
			want: []string{"The WAL that backup 20261122-132826F_20261122-132834I in repo1 needs is not known: " +
				"WAL segment size 0 is not a power of two between 1 MiB and 1 GiB."},
		},
		"all that is wrong is told": {
			wrong: func(t *testing.T, in *ProofInput) {
				in.Type = TypeFull
				in.edit(t, incrLabel).DatabaseBytes = 0
				in.Archived = nil
			},
			label: incrLabel,
			want: []string{
				"Backup 20261122-132826F_20261122-132834I in repo1 is of type incr, but full was asked for.",
				"Backup 20261122-132826F_20261122-132834I in repo1 is of a database of no size.",
				"Backup 20261122-132826F_20261122-132834I cannot be restored: 2 of the 2 WAL segments it needs are not in repo1: " +
					"000000010000000000000008, 000000010000000000000009.",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.input == nil {
				tc.input = proven
			}
			in := tc.input(t)
			tc.wrong(t, &in)
			backup, reasons := Prove(in)
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
	if diff := cmp.Diff(proven(t), in); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
