// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
)

// roleReplica is the role of a pod that follows the primary.
const roleReplica = "replica"

// databaseFaults hit PostgreSQL, pgBackRest beside it, and the archive.
var databaseFaults = []trial.Fault{
	{Name: "kill-pgbackrest", What: "pgbackrest backup gets SIGKILL", Moments: moments(trial.InBackup), Inject: func(t *testing.T, tr *trial.Trial) func() {
		killOnHost(t, tr, "^[^ ]*pgbackrest backup ")
		return nil
	}},
	{Name: "kill-pgbackrest-worker", What: "the process that copies files gets SIGKILL", Moments: moments(trial.InBackup), Inject: func(t *testing.T, tr *trial.Trial) func() {
		killOnHost(t, tr, "backup:local")
		return nil
	}},
	{Name: "kill-postgres", What: "PostgreSQL gets SIGKILL", Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.UntilHit(t, "no PostgreSQL", func() int {
			return killInPods(t, tr, map[string]string{cpo.LabelRole: cpo.RolePrimary}, "postgres\x00")
		})
		return nil
	}},
	{Name: "kill-postgres-pod", What: "the pod of the primary is deleted without grace", Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.Hit(tr.World.DeletePods(t, tr.World.Kit.Namespace, map[string]string{cpo.LabelRole: cpo.RolePrimary}), "no primary")
		return nil
	}},
	{Name: "kill-connections", What: "PostgreSQL ends the sessions of pgBackRest", Moments: moments(trial.InPrecheck, trial.InBackup), Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.UntilHit(t, "no session of pgBackRest", func() int {
			out, _ := tr.World.Kit.TryPSQL(t.Context(), tr.World.Primary,
				"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [%'")
			n, _ := strconv.Atoi(out)
			return n
		})
		return nil
	}},
	{Name: "promote-replica", What: "the replica is promoted and the old primary is gone", Store: cpo.StorageS3, Moments: trial.Anytime, Spoils: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		failOver(t, tr)
		return nil
	}},
	{Name: "two-primaries", What: "two pods claim to be the primary", Store: cpo.StorageS3, Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		setRole(t, tr, trial.Replica, cpo.RolePrimary)
		return func() { setRole(t, tr, trial.Replica, roleReplica) }
	}},
	{Name: "no-primary", What: "no pod claims to be the primary", Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		setRole(t, tr, tr.World.Primary, roleReplica)
		return func() { setRole(t, tr, tr.World.Primary, cpo.RolePrimary) }
	}},
	{Name: "archiving-broken", What: "archive_command fails for some seconds", Moments: trial.Anytime, Inject: breakArchiving},
	{Name: "archiving-broken-for-long", What: "archive_command fails until the run is over", Moments: moments(trial.BeforeRun, trial.InBackup, trial.AfterBackup), Lasting: true, Inject: breakArchiving},
	{Name: "foreign-backup", What: "somebody else makes a backup by hand", Moments: moments(trial.BeforeRun, trial.AtStart, trial.InPrecheck), Inject: makeForeignBackup},
	{Name: "pgbackrest-stop", What: "pgbackrest stop, and start after the run", Moments: trial.Anytime, Lasting: true, Human: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		host := tr.World.HostPod()
		tr.World.RetryExec(t, host, "pgbackrest", "stop", "--stanza=db")
		return func() { tr.World.RetryExec(t, host, "pgbackrest", "start", "--stanza=db") }
	}},
	{Name: "postgres-volume-full", What: "the volume of PostgreSQL is nearly full", Moments: trial.Anytime, Lasting: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		return fill(t, tr, tr.World.Primary, cpo.PGDataPath, 64)
	}},
}

// killOnHost kills processes where backups are made.
func killOnHost(t *testing.T, tr *trial.Trial, pattern string) {
	t.Helper()
	tr.UntilHit(t, "no process "+pattern, func() int {
		_, err := tr.World.Kit.TryExec(t.Context(), tr.World.HostPod(), "pkill", "--signal", "KILL", "--full", pattern)
		return count(err == nil)
	})
}

// failOver does what Patroni does: it makes sure that the old primary is gone, promotes
// the replica, and moves the label.
func failOver(t *testing.T, tr *trial.Trial) {
	t.Helper()
	tr.World.Scale(t, "cluster", 0)
	tr.World.DeletePods(t, tr.World.Kit.Namespace, map[string]string{cpo.LabelRole: cpo.RolePrimary})
	tr.World.RetryPSQL(t, trial.Replica, "SELECT pg_promote()")
	setRole(t, tr, trial.Replica, cpo.RolePrimary)
	tr.MovePrimary(t, trial.Replica)
}

// makeForeignBackup makes a backup by hand beside the run.
func makeForeignBackup(t *testing.T, tr *trial.Trial) func() {
	t.Helper()
	done, host := make(chan struct{}), tr.World.HostPod()
	var err error
	go func() {
		defer close(done)
		_, err = tr.World.Kit.TryExec(t.Context(), host, "/usr/bin/pgbackrest", "backup", "--stanza=db", "--repo=1", "--type=full", "--no-expire-auto", "--start-fast")
	}()
	return func() {
		<-done
		exit, ok := errors.AsType[*remote.ExitError](err)
		if err != nil && (!ok || exit.Code != 50) { // 50: the backup of the run has the lock.
			tr.Miss(fmt.Sprintf("the other backup failed: %v", err))
		}
	}
}

// breakArchiving puts a pgbackrest before the real one that archives nothing.
func breakArchiving(t *testing.T, tr *trial.Trial) func() {
	t.Helper()
	pod := tr.World.Primary
	const failures = "SELECT failed_count FROM pg_stat_archiver"
	before := tr.World.RetryPSQL(t, pod, failures)
	fakePgBackRest(t, tr, pod, `*' archive-push '*) echo "P00  ERROR: [103]: unable to find a valid repository" >&2; exit 103`)
	// What the ledger gets in a run does not fill a segment.
	tr.World.RetryPSQL(t, pod, "SELECT pg_switch_wal()")
	return func() {
		tr.UntilHit(t, "no WAL to archive", func() int { return count(tr.World.RetryPSQL(t, pod, failures) != before) })
		fakePgBackRest(t, tr, pod, "")
	}
}
