// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// repoFaults hit the repository.
var repoFaults = []trial.Fault{
	{Name: "kill-repo-host", What: "the pod of the repo host is deleted without grace", Store: cpo.StoragePVC, Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.Hit(tr.World.DeletePods(t, tr.World.Kit.Namespace, map[string]string{cpo.LabelMemberType: cpo.MemberRepoHost}), "no repo host")
		return nil
	}},
	{Name: "kill-repo-host-server", What: "pgbackrest server of the repo host gets SIGKILL", Store: cpo.StoragePVC, Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.UntilHit(t, "no pgbackrest server", func() int {
			return killInPods(t, tr, map[string]string{cpo.LabelMemberType: cpo.MemberRepoHost}, "pgbackrest\x00server")
		})
		return nil
	}},
	{Name: "repo-full", What: "the volume of the repo is full", Store: cpo.StoragePVC, Moments: trial.Anytime, Lasting: true, Human: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		return fill(t, tr, kit.RepoHost, repoPath, 0)
	}},
	{Name: "stanza-deleted", What: "pgbackrest stanza-delete, and stanza-create after the run", Moments: moments(trial.BeforeRun, trial.AtStart, trial.InBackup, trial.AfterBackup), Lasting: true, Human: true, Again: cpo.Full, Inject: func(t *testing.T, tr *trial.Trial) func() {
		host := tr.World.HostPod()
		tr.World.RetryExec(t, host, "pgbackrest", "stop", "--stanza=db")
		_, _ = tr.World.Kit.TryExec(t.Context(), host, "pgbackrest", "stanza-delete", "--stanza=db", "--repo=1", "--force")
		tr.World.RetryExec(t, host, "pgbackrest", "start", "--stanza=db")
		return func() { tr.World.RetryExec(t, host, "pgbackrest", "stanza-create", "--stanza=db") }
	}},
	{Name: "repo-file-missing", What: "a file of the newest full backup is gone", Moments: moments(trial.BeforeRun, trial.InPrecheck, trial.InBackup), MayFail: true, Again: cpo.Full, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tamper(t, tr, findNewestFull(t, tr), removeFile)
		return nil
	}},
	{Name: "repo-file-corrupt", What: "a byte of a file of the newest full backup has changed", Moments: moments(trial.BeforeRun, trial.InPrecheck, trial.InBackup), MayFail: true, Again: cpo.Full, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tamper(t, tr, findNewestFull(t, tr), flipByte)
		return nil
	}},
	{Name: "own-file-missing", What: "a file of the backup that is being made is gone", Moments: moments(trial.InBackup), MayFail: true, Again: cpo.Full, BackupType: cpo.Full, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tamper(t, tr, awaitUnlisted(t, tr), removeFile)
		return nil
	}},
	{Name: "own-file-corrupt", What: "a byte of a file of the backup that is being made has changed", Moments: moments(trial.InBackup), MayFail: true, Again: cpo.Full, BackupType: cpo.Full, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tamper(t, tr, awaitUnlisted(t, tr), flipByte)
		return nil
	}},
}

// repoPath is where the volume of repo1 is in the repo host.
const repoPath = "/data/pgbackrest/repo1"

// dataFile matches a file with data of PostgreSQL. A file by itself has a suffix by its
// compression, which a directory has not; small files are bundled.
var dataFile = regexp.MustCompile(`^pg_data/.*\.(gz|lz4|zst)$|^bundle/[0-9]+$`)

const removeFile = `pgbackrest repo-rm --repo=1 "$1"`

// flipByte changes a byte in the middle of a file, and not its size.
const flipByte = `set -eo pipefail; f=$(mktemp); trap 'rm -f "$f"' EXIT; pgbackrest repo-get --raw --repo=1 "$1" >"$f"
n=$(($(stat -c %s "$f") / 2)); b=$(od -An -tu1 -j "$n" -N 1 "$f" | tr -d ' ')
printf "\\x$(printf %x $((b ^ 255)))" | dd of="$f" bs=1 seek=$n conv=notrunc status=none
pgbackrest repo-put --raw --repo=1 "$1" <"$f"`

// tamper runs a script on a file of a backup, which the seed picks. When the step backup
// is over it is too late: what breaks after the proof is not the run's fault.
func tamper(t *testing.T, tr *trial.Trial, label, script string) {
	t.Helper()
	tr.UntilHit(t, "no file of a backup to tamper with", func() int {
		over, _ := tr.StepEnded(t, "backup")
		if label == "" || over {
			return 0
		}
		host := tr.World.HostPod()
		listing, _ := tr.World.Kit.TryExec(t.Context(), host, "pgbackrest", "repo-ls", "--repo=1", "--recurse", "backup/db/"+label)
		files := slices.DeleteFunc(strings.Fields(listing), func(name string) bool { return !dataFile.MatchString(name) })
		if len(files) == 0 {
			return 0
		}
		slices.Sort(files)
		file := "backup/db/" + label + "/" + trial.Pick(tr.RNG, files...)
		if out, err := tr.World.Kit.TryExec(t.Context(), host, "bash", "-c", script, "-", file); err != nil {
			t.Logf("%s: %v %s", file, err, trial.Tail(out))
			return 0
		}
		t.Logf("tampered with %s", file)
		return 1
	})
}

// findNewestFull returns the label of the newest full backup. It returns nothing if there
// is none.
func findNewestFull(t *testing.T, tr *trial.Trial) string {
	t.Helper()
	fulls := kit.Labels(tr.World.Kit.Backups(t, tr.World.Primary), cpo.Full)
	if len(fulls) == 0 {
		return ""
	}
	return fulls[len(fulls)-1]
}

// awaitUnlisted returns the label of the backup that is being made: a directory that info
// does not list. It returns nothing if there is none.
func awaitUnlisted(t *testing.T, tr *trial.Trial) string {
	t.Helper()
	listed := kit.Labels(tr.World.Kit.Backups(t, tr.World.Primary), "")
	label := ""
	wait.Try(time.Minute, func() (bool, string) {
		label = findUnlisted(t, tr, listed)
		return label != "", ""
	})
	return label
}

func findUnlisted(t *testing.T, tr *trial.Trial, listed []string) string {
	t.Helper()
	out, err := tr.World.Kit.TryExec(t.Context(), tr.World.HostPod(), "pgbackrest", "repo-ls", "--repo=1", "--filter=F$", "backup/db")
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

// fill leaves so many MiB of a volume. The World has made the volume small.
func fill(t *testing.T, tr *trial.Trial, pod, path string, leave int) (repair func()) {
	t.Helper()
	const most = 2048
	file := path + "/filler"
	tr.World.RetryExec(t, pod, "bash", "-c", fmt.Sprintf(`set -e; free=$(df --output=avail -m %[1]s | tail -1); test "$free" -lt %[2]d
if [ "$free" -gt %[3]d ]; then fallocate -l $((free - %[3]d))M %[4]s; fi`, path, most, leave, file))
	return func() { tr.World.RetryExec(t, pod, "rm", "-f", file) }
}
