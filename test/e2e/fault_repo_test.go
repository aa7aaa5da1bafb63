// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// repoFaults hit the repository.
var repoFaults = []fault{
	{name: "kill-repo-host", what: "the pod of the repo host is deleted without grace", store: cpo.StoragePVC, moments: anytime, inject: func(tr *trial) func() {
		tr.hit(tr.deletePods(tr.t, tr.namespace, map[string]string{cpo.LabelMemberType: cpo.MemberRepoHost}, 0), "no repo host")
		return nil
	}},
	{name: "kill-repo-host-server", what: "pgbackrest server of the repo host gets SIGKILL", store: cpo.StoragePVC, moments: anytime, inject: func(tr *trial) func() {
		tr.insistOn("no pgbackrest server", func() int {
			return tr.killInPods(map[string]string{cpo.LabelMemberType: cpo.MemberRepoHost}, "pgbackrest\x00server")
		})
		return nil
	}},
	{name: "repo-full", what: "the volume of the repo is full", store: cpo.StoragePVC, moments: anytime, lasting: true, human: true, inject: func(tr *trial) func() {
		return tr.fill(repoHost, repoPath, 0)
	}},
	{name: "stanza-deleted", what: "pgbackrest stanza-delete, and stanza-create after the run", moments: []moment{beforeTheRun, atOnce, inBackup, afterBackup}, lasting: true, human: true, again: cpo.Full, inject: func(tr *trial) func() {
		at := tr.hostPod()
		tr.command(at, "pgbackrest", "stop", "--stanza=db")
		_, _ = tr.try(tr.t, at, "pgbackrest", "stanza-delete", "--stanza=db", "--repo=1", "--force")
		tr.command(at, "pgbackrest", "start", "--stanza=db")
		return func() { tr.command(at, "pgbackrest", "stanza-create", "--stanza=db") }
	}},
	{name: "repo-file-missing", what: "a file of the newest full backup is gone", moments: []moment{beforeTheRun, inPrecheck, inBackup}, mayFail: true, again: cpo.Full, inject: func(tr *trial) func() {
		tr.tamper(tr.newestFull(), removeFile)
		return nil
	}},
	{name: "repo-file-corrupt", what: "a byte of a file of the newest full backup has changed", moments: []moment{beforeTheRun, inPrecheck, inBackup}, mayFail: true, again: cpo.Full, inject: func(tr *trial) func() {
		tr.tamper(tr.newestFull(), flipByte)
		return nil
	}},
	{name: "own-file-missing", what: "a file of the backup that is being made is gone", moments: []moment{inBackup}, mayFail: true, again: cpo.Full, backupType: cpo.Full, inject: func(tr *trial) func() {
		tr.tamper(tr.unlisted(), removeFile)
		return nil
	}},
	{name: "own-file-corrupt", what: "a byte of a file of the backup that is being made has changed", moments: []moment{inBackup}, mayFail: true, again: cpo.Full, backupType: cpo.Full, inject: func(tr *trial) func() {
		tr.tamper(tr.unlisted(), flipByte)
		return nil
	}},
}

// repoPath is where the volume of repo1 is in the repo host.
const repoPath = "/data/pgbackrest/repo1"

// ofBackup is a file with data of PostgreSQL: one by itself has a suffix by its
// compression, which a directory has not, and small ones are bundled.
var ofBackup = regexp.MustCompile(`^pg_data/.*\.(gz|lz4|zst)$|^bundle/[0-9]+$`)

const removeFile = `pgbackrest repo-rm --repo=1 "$1"`

// flipByte changes a byte in the middle of a file, and not its size.
const flipByte = `set -eo pipefail; f=$(mktemp); trap 'rm -f "$f"' EXIT; pgbackrest repo-get --raw --repo=1 "$1" >"$f"
n=$(($(stat -c %s "$f") / 2)); b=$(od -An -tu1 -j "$n" -N 1 "$f" | tr -d ' ')
printf "\\x$(printf %x $((b ^ 255)))" | dd of="$f" bs=1 seek=$n conv=notrunc status=none
pgbackrest repo-put --raw --repo=1 "$1" <"$f"`

// tamper does something to a file of a backup, which the seed picks. When the
// step backup is over it is too late: what breaks after the proof is no fault of
// the run.
func (tr *trial) tamper(label, script string) {
	tr.insistOn("no file of a backup to tamper with", func() int {
		over, _ := tr.stepEnded("backup")
		if label == "" || over {
			return 0
		}
		listing, _ := tr.try(tr.t, tr.hostPod(), "pgbackrest", "repo-ls", "--repo=1", "--recurse", "backup/db/"+label)
		files := slices.DeleteFunc(strings.Fields(listing), func(name string) bool { return !ofBackup.MatchString(name) })
		if len(files) == 0 {
			return 0
		}
		slices.Sort(files)
		file := "backup/db/" + label + "/" + pick(tr.rng, files...)
		if out, err := tr.try(tr.t, tr.hostPod(), "bash", "-c", script, "-", file); err != nil {
			tr.t.Logf("%s: %v %s", file, err, tail(out))
			return 0
		}
		tr.t.Logf("tampered with %s", file)
		return 1
	})
}

func (tr *trial) newestFull() string {
	fulls := labels(tr.info(tr.t, tr.primary), cpo.Full)
	if len(fulls) == 0 {
		return ""
	}
	return fulls[len(fulls)-1]
}

// unlisted is the backup that is being made: a directory that info does not list.
func (tr *trial) unlisted() string {
	listed := labels(tr.info(tr.t, tr.primary), "")
	found, _ := soon(minute, func() (bool, string) { return tr.inProgress(listed) != "", "" })
	if !found {
		return ""
	}
	return tr.inProgress(listed)
}

func (tr *trial) inProgress(listed []string) string {
	out, err := tr.try(tr.t, tr.hostPod(), "pgbackrest", "repo-ls", "--repo=1", "--filter=F$", "backup/db")
	if err != nil {
		return ""
	}
	for label := range strings.FieldsSeq(out) {
		if !slices.Contains(listed, label) {
			return label
		}
	}
	return ""
}

// fill leaves so many MiB of a volume, which smallVolumes has bounded.
func (tr *trial) fill(pod, path string, leave int) func() {
	const most = 2048
	file := path + "/filler"
	tr.command(pod, "bash", "-c", fmt.Sprintf(`set -e; free=$(df --output=avail -m %[1]s | tail -1); test "$free" -lt %[2]d
if [ "$free" -gt %[3]d ]; then fallocate -l $((free - %[3]d))M %[4]s; fi`, path, most, leave, file))
	return func() { tr.command(pod, "rm", "-f", file) }
}
