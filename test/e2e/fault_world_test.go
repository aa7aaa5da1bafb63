// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// replica is the pod that follows the primary, where the storage is s3.
const replica = "replica-0"

// restored is the pod that backups are restored into.
const restored = "restored"

// world is a namespace with a cluster, its store and its runs, that one fault
// after the other is tried in.
type world struct {
	*kit
	// owner is the test of all trials of this world; it removes the namespace.
	owner         *testing.T
	name, storage string
	// primary is the pod that is the primary now.
	primary string
	// sound: the last trial has left the world as it was.
	sound bool
	// filler is the digest of a table that never changes.
	filler string
}

// newWorld is a world that is made when it is needed. The test that owns it removes
// it.
func newWorld(t *testing.T, storage string, n int) *world {
	t.Helper()
	return &world{storage: storage, name: fmt.Sprintf("e2e-fault-%s-%d", storage, n), owner: t}
}

// make sees to it that the world is there and sound.
func (w *world) make(t *testing.T) {
	t.Helper()
	if w.sound {
		return
	}
	if w.kit == nil {
		w.owner.Cleanup(func() { w.removeVolumes(w.owner) })
		w.kit = newKit(w.owner, w.name)
	} else {
		w.deleteNamespace(t)
	}
	w.createNamespace(t)
	w.planted = nil
	w.smallVolumes(t)
	if w.storage == cpo.StorageS3 {
		w.s3Credentials(t)
	}
	w.apply(t, "fault/"+w.storage)
	w.primary = primary
	w.podReady(t, primary)
	if w.storage == cpo.StoragePVC {
		w.podReady(t, repoHost)
	} else {
		// The network of the test cluster is closed.
		w.run(t, primary, "bash", "-c", "echo 'host replication,postgres postgres all trust' >>"+cpo.PGDataPath+"/pg_hba.conf")
		w.ask(t, primary, "SELECT pg_reload_conf()")
		w.podReady(t, replica)
	}
	// Enough that a backup takes some seconds, of what cannot be compressed.
	w.psql(t, primary, "postgres", `CREATE TABLE ledger (id bigint PRIMARY KEY, noise text NOT NULL);
CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 150000) i; CHECKPOINT`)
	w.filler = w.ask(t, primary, fillerDigest)
	if _, err := w.once(t, "full"); err != "" {
		t.Fatalf("the first run, without any fault: %s", err)
	}
}

// smallVolumes bounds the volumes that faults fill. A volume of the local cluster
// is otherwise as large as the disk of the machine.
func (w *world) smallVolumes(t testing.TB) {
	t.Helper()
	for _, claim := range w.claims() {
		localCluster(t, "volume", "make", w.namespace+"/"+claim, "2Gi")
	}
}

// removeVolumes is for when the claims are gone. A test that fails leaves them.
func (w *world) removeVolumes(t testing.TB) {
	t.Helper()
	if t.Failed() {
		return
	}
	w.deleteNamespace(t)
	for _, claim := range w.claims() {
		localCluster(t, "volume", "remove", w.namespace+"/"+claim)
	}
}

func (w *world) claims() []string {
	if w.storage == cpo.StoragePVC {
		return []string{"pgdata-cluster-0", "repo1-cluster-pgbackrest-repo-host-0"}
	}
	return []string{"pgdata-cluster-0"}
}

const fillerDigest = "SELECT count(*) || ' ' || sum(hashtextextended(f::text, 1)::numeric) FROM filler f"

// ask is psql that bears a database or an API server that is down for a while.
func (w *world) ask(t testing.TB, pod, statement string) string {
	t.Helper()
	var out string
	eventually(t, 3*minute, "PostgreSQL in "+pod+" answers "+statement, func() (bool, string) {
		var err error
		out, err = w.try(t, pod, "psql", "-X", "-q", "-A", "-t", "-h", "/var/run/postgresql", "-U", "postgres", "-c", statement)
		return err == nil, fmt.Sprintf("%v %s", err, out)
	})
	return strings.TrimSpace(out)
}

// insist repeats what the API server may refuse while it is down.
func insist(t testing.TB, what string, do func() error) {
	t.Helper()
	eventually(t, 3*minute, what, func() (bool, string) {
		err := do()
		return err == nil, fmt.Sprint(err)
	})
}

// once makes a run without a fault, and returns its name and why it is not green.
func (w *world) once(t testing.TB, backupType string) (name, trouble string) {
	t.Helper()
	name = w.begin(t, backupType, 6)
	workflow := w.over(t, name)
	if workflow == nil || workflow.Status.Phase != "Succeeded" {
		return name, w.evidence(t, name)
	}
	return name, ""
}

// writer writes rows one after the other while a trial goes on: a restore must
// have all of them up to some moment.
func (w *world) writer(t testing.TB) (stop func()) {
	t.Helper()
	const loop = `DO $$ BEGIN LOOP
INSERT INTO ledger SELECT id, md5(id::text) FROM (SELECT coalesce(max(id), 0) + 1 AS id FROM ledger) next;
COMMIT; PERFORM pg_sleep(0.2); END LOOP; END $$`
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			// One that has lost its stream may still write; the next waits for it.
			_, _ = w.tryContext(ctx, w.primary, "psql", "-X", "-q", "-h", "/var/run/postgresql", "-U", "postgres",
				"-c", "SET application_name = 'writer'", "-c", "SELECT pg_advisory_lock(1)", "-c", loop)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		w.ask(t, w.primary, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'writer'")
	}
}

// ledger is how many rows there are, each of which must be whole, and none of
// which may be missing in between.
func (w *world) ledger(t testing.TB, pod string) (rows int, whole bool) {
	t.Helper()
	answer := w.ask(t, pod, "SELECT count(*) || ' ' || (count(*) = coalesce(max(id), 0) AND coalesce(bool_and(noise = md5(id::text)), true)) FROM ledger")
	count, sound, _ := strings.Cut(answer, " ")
	rows, err := strconv.Atoi(count)
	if err != nil {
		t.Fatalf("the ledger in %s: %s", pod, answer)
	}
	return rows, sound == "true"
}

// restoreSet restores one backup, as it was when it ended, and compares. It
// returns what is wrong with the restore, and what with the data.
func (w *world) restoreSet(t testing.TB, label string, floor int) (failed, unequal string) {
	t.Helper()
	w.restoredPod(t)
	_, _ = w.try(t, restored, "pg_ctl", "-D", cpo.PGDataPath, "-m", "immediate", "-w", "stop")
	w.run(t, restored, "find", cpo.PGDataPath, "-mindepth", "1", "-delete")
	if out, err := w.try(t, restored, "pgbackrest", "restore", "--stanza=db", "--repo=1", "--set="+label, "--type=immediate", "--target-action=promote"); err != nil {
		return fmt.Sprintf("pgbackrest restore of %s: %v: %s", label, err, tail(out)), ""
	}
	if out, err := w.try(t, restored, "pg_ctl", "-D", cpo.PGDataPath, "-w", "-t", "120", "-l", "/tmp/postgresql.log",
		"-o", "-c archive_mode=off -c unix_socket_directories=/var/run/postgresql -c primary_conninfo=''", "start"); err != nil {
		log, _ := w.try(t, restored, "tail", "-n", "20", "/tmp/postgresql.log")
		return fmt.Sprintf("PostgreSQL does not start on %s: %v: %s %s", label, err, tail(out), tail(log)), ""
	}
	promoted, got := soon(2*minute, func() (bool, string) {
		out, err := w.try(t, restored, "psql", "-X", "-A", "-t", "-h", "/var/run/postgresql", "-U", "postgres", "-c", "SELECT pg_is_in_recovery()")
		return err == nil && strings.TrimSpace(out) == "f", fmt.Sprintf("%v %s", err, out)
	})
	if !promoted {
		return "PostgreSQL on " + label + " is not promoted: " + got, ""
	}
	if got := w.ask(t, restored, fillerDigest); got != w.filler {
		return "", fmt.Sprintf("table filler of %s is %s, was %s", label, got, w.filler)
	}
	rows, whole := w.ledger(t, restored)
	if rows < floor || !whole {
		return "", fmt.Sprintf("%s has %d rows of the ledger, whole: %v; there must be %d", label, rows, whole, floor)
	}
	return "", ""
}

func (w *world) restoredPod(t testing.TB) {
	t.Helper()
	var pod corev1.Pod
	err := w.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: restored}, &pod)
	if err == nil && pod.Status.Phase == corev1.PodRunning {
		w.podReady(t, restored)
		return
	}
	if err == nil {
		insist(t, "the old pod is deleted", func() error { return client.IgnoreNotFound(w.Delete(t.Context(), &pod, client.GracePeriodSeconds(0))) })
	}
	eventually(t, minute, "there is no pod "+restored, func() (bool, string) {
		err := w.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: restored}, &pod)
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
	w.emptyPod(t, restored)
}

// scale sets the replicas of a StatefulSet or Deployment.
func (w *world) scale(t testing.TB, statefulSet string, replicas int32) {
	t.Helper()
	insist(t, "scale "+statefulSet, func() error {
		return w.Patch(t.Context(), &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: statefulSet}},
			client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)))
	})
}

// tail is the end of a text, on one line.
func tail(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 400 {
		text = "…" + text[len(text)-400:]
	}
	return text
}
