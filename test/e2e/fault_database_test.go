// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// roleReplica is the role of a pod that follows the primary.
const roleReplica = "replica"

// databaseFaults hit PostgreSQL, pgBackRest beside it, and the archive.
var databaseFaults = []fault{
	{name: "kill-pgbackrest", what: "pgbackrest backup gets SIGKILL", moments: []moment{inBackup}, inject: func(tr *trial) func() {
		tr.killAtWork("^[^ ]*pgbackrest backup ")
		return nil
	}},
	{name: "kill-pgbackrest-worker", what: "the process that copies files gets SIGKILL", moments: []moment{inBackup}, inject: func(tr *trial) func() {
		tr.killAtWork("backup:local")
		return nil
	}},
	{name: "kill-postgres", what: "PostgreSQL gets SIGKILL", moments: anytime, inject: func(tr *trial) func() {
		tr.insistOn("no PostgreSQL", func() int { return tr.killInPods(map[string]string{cpo.LabelRole: cpo.RolePrimary}, "postgres\x00") })
		return nil
	}},
	{name: "kill-postgres-pod", what: "the pod of the primary is deleted without grace", moments: anytime, inject: func(tr *trial) func() {
		tr.hit(tr.deletePods(tr.t, tr.namespace, map[string]string{cpo.LabelRole: cpo.RolePrimary}, 0), "no primary")
		return nil
	}},
	{name: "kill-connections", what: "PostgreSQL ends the sessions of pgBackRest", moments: []moment{inPrecheck, inBackup}, inject: func(tr *trial) func() {
		tr.insistOn("no session of pgBackRest", func() int {
			out, _ := tr.try(tr.t, tr.primary, "psql", "-X", "-A", "-t", "-h", "/var/run/postgresql", "-U", "postgres",
				"-c", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [%'")
			n, _ := strconv.Atoi(strings.TrimSpace(out))
			return n
		})
		return nil
	}},
	{name: "promote-replica", what: "the replica is promoted and the old primary is gone", store: cpo.StorageS3, moments: anytime, spoils: true, inject: func(tr *trial) func() {
		tr.failOver()
		return nil
	}},
	{name: "two-primaries", what: "two pods claim to be the primary", store: cpo.StorageS3, moments: anytime, inject: func(tr *trial) func() {
		tr.label(replica, cpo.RolePrimary)
		return func() { tr.label(replica, roleReplica) }
	}},
	{name: "no-primary", what: "no pod claims to be the primary", moments: anytime, inject: func(tr *trial) func() {
		tr.label(tr.primary, roleReplica)
		return func() { tr.label(tr.primary, cpo.RolePrimary) }
	}},
	{name: "archiving-broken", what: "archive_command fails for some seconds", moments: anytime, inject: func(tr *trial) func() {
		return tr.breakArchiving()
	}},
	{name: "archiving-broken-for-long", what: "archive_command fails until the run is over", moments: []moment{beforeTheRun, inBackup, afterBackup}, lasting: true, inject: func(tr *trial) func() {
		return tr.breakArchiving()
	}},
	{name: "foreign-backup", what: "somebody else makes a backup by hand", moments: []moment{beforeTheRun, atOnce, inPrecheck}, inject: func(tr *trial) func() {
		done, host := make(chan struct{}), tr.hostPod()
		var err error
		go func() {
			defer close(done)
			_, err = tr.try(tr.t, host, "/usr/bin/pgbackrest", "backup", "--stanza=db", "--repo=1", "--type=full", "--no-expire-auto", "--start-fast")
		}()
		return func() {
			<-done
			exit, ok := errors.AsType[*remote.ExitError](err)
			if err != nil && (!ok || exit.Code != 50) { // 50: that of the run has the lock
				tr.missed = fmt.Sprintf("the other backup failed: %v", err)
			}
		}
	}},
	{name: "pgbackrest-stop", what: "pgbackrest stop, and start after the run", moments: anytime, lasting: true, human: true, inject: func(tr *trial) func() {
		at := tr.hostPod()
		tr.command(at, "pgbackrest", "stop", "--stanza=db")
		return func() { tr.command(at, "pgbackrest", "start", "--stanza=db") }
	}},
	{name: "postgres-volume-full", what: "the volume of PostgreSQL is nearly full", moments: anytime, lasting: true, inject: func(tr *trial) func() {
		return tr.fill(tr.primary, cpo.PGDataPath, 64)
	}},
}

// killAtWork kills processes where backups are made.
func (tr *trial) killAtWork(pattern string) {
	tr.insistOn("no process "+pattern, func() int {
		_, err := tr.try(tr.t, tr.hostPod(), "pkill", "--signal", "KILL", "--full", pattern)
		return map[bool]int{true: 1}[err == nil]
	})
}

// hostPod is where backups of repo1 are made.
func (w *world) hostPod() string {
	if w.storage == cpo.StoragePVC {
		return repoHost
	}
	return w.primary
}

// label gives a pod a role.
func (tr *trial) label(pod, role string) {
	kubectlSoon(tr.t, "label", "pod", "-n", tr.namespace, pod, "--overwrite", cpo.LabelRole+"="+role)
}

// command runs until it succeeds: the pod may be down for a while.
func (tr *trial) command(pod string, argv ...string) {
	insist(tr.t, fmt.Sprint(argv), func() error {
		out, err := tr.try(tr.t, pod, argv...)
		if err != nil {
			return fmt.Errorf("%w: %s", err, tail(out))
		}
		return nil
	})
}

// failOver is what Patroni does: the old primary is made sure to be gone, the
// replica is promoted, and the label follows.
func (tr *trial) failOver() {
	tr.scale(tr.t, "cluster", 0)
	tr.deletePods(tr.t, tr.namespace, map[string]string{cpo.LabelRole: cpo.RolePrimary}, 0)
	tr.command(replica, "psql", "-h", "/var/run/postgresql", "-U", "postgres", "-c", "SELECT pg_promote()")
	tr.label(replica, cpo.RolePrimary)
	tr.primary = replica
	// What the old primary had not sent is lost with it, as in any failover
	// without synchronous replication. No backup can have it.
	rows, _ := tr.ledger(tr.t, replica)
	if rows < tr.floor {
		tr.t.Logf("the replica was %d rows behind", tr.floor-rows)
		tr.floor = rows
	}
}

// breakArchiving puts a pgbackrest before the real one that archives nothing.
func (tr *trial) breakArchiving() func() {
	pod := tr.primary
	const failures = "SELECT failed_count FROM pg_stat_archiver"
	before := tr.ask(tr.t, pod, failures)
	tr.pretendIn(pod, `*' archive-push '*) echo "P00  ERROR: [103]: unable to find a valid repository" >&2; exit 103`)
	return func() {
		tr.insistOn("no WAL to archive", func() int { return map[bool]int{true: 1}[tr.ask(tr.t, pod, failures) != before] })
		tr.pretendIn(pod, "")
	}
}

func (tr *trial) pretendIn(pod, branch string) {
	script := "#!/bin/bash\ncase \" $* \" in\n" + branch + ";;\n*) exec /usr/bin/pgbackrest \"$@\";;\nesac\n"
	if branch == "" {
		script = "#!/bin/bash\nexec /usr/bin/pgbackrest \"$@\"\n"
	}
	tr.command(pod, "bash", "-c", `mkdir -p /home/postgres/bin && printf %s "$1" >/home/postgres/bin/next && chmod 755 /home/postgres/bin/next && mv /home/postgres/bin/next /home/postgres/bin/pgbackrest`, "-", script)
}
