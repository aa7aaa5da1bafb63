// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// restored is the pod that backups are restored into.
const restored = "restored"

// compare restores the backup of a successful run, and compares the data.
func (tr *Trial) compare(t *testing.T, name string, r *Result) {
	t.Helper()
	workflow, err := tr.World.getRun(t, name)
	if err != nil {
		t.Fatal(err)
	}
	report, err := kit.TryReport(workflow)
	if err != nil || report.Backup == nil || report.Backup.Label == "" {
		r.FalseGreen = true
		r.Wrong = append(r.Wrong, "run "+name+" is green and names no backup")
		return
	}
	failed, unequal := tr.World.restoreBackup(t, report.Backup.Label, tr.floor)
	if failed != "" {
		r.FalseGreen = true
		r.Wrong = append(r.Wrong, failed)
	}
	if unequal != "" {
		r.UnequalRestore = true
		r.Wrong = append(r.Wrong, unequal)
	}
}

// restoreBackup restores exactly one backup, and compares. It returns what is wrong with
// the restore, and what with the data.
func (w *World) restoreBackup(t testing.TB, label string, floor int) (failed, unequal string) {
	t.Helper()
	k := w.Kit
	w.makeRestoredPod(t)
	_, _ = k.TryExec(t.Context(), restored, "pg_ctl", "-D", cpo.PGDataPath, "-m", "immediate", "-w", "stop")
	k.Exec(t, restored, "find", cpo.PGDataPath, "-mindepth", "1", "-delete")
	argv := append([]string{"pgbackrest", "restore", "--stanza=db", "--repo=1"}, kit.ExactlyBackup(label)...)
	if out, err := k.TryExec(t.Context(), restored, argv...); err != nil {
		return fmt.Sprintf("pgbackrest restore of %s: %v: %s", label, err, Tail(out)), ""
	}
	if err := k.TryStartPostgres(t.Context(), restored, "-c primary_conninfo=''"); err != nil {
		return fmt.Sprintf("PostgreSQL does not start on %s: %s", label, Tail(err.Error())), ""
	}
	promoted, got := wait.Try(2*time.Minute, func() (bool, string) { return k.IsPromoted(t.Context(), restored) })
	if !promoted {
		return "PostgreSQL on " + label + " is not promoted: " + got, ""
	}
	if got := w.RetryPSQL(t, restored, fillerDigest); got != w.filler {
		return "", fmt.Sprintf("table filler of %s is %s, was %s", label, got, w.filler)
	}
	rows, whole := w.readLedger(t, restored)
	if rows < floor || !whole {
		return "", fmt.Sprintf("%s has %d rows of the ledger, whole: %v; there must be %d", label, rows, whole, floor)
	}
	return "", ""
}

// makeRestoredPod makes the pod to restore into, or uses the one that is running.
func (w *World) makeRestoredPod(t testing.TB) {
	t.Helper()
	var pod corev1.Pod
	err := w.Kit.TryGet(t.Context(), restored, &pod)
	if err == nil && pod.Status.Phase == corev1.PodRunning {
		w.Kit.AwaitPod(t, restored)
		return
	}
	if err == nil {
		wait.Retry(t, "the old pod is deleted", func() error {
			return client.IgnoreNotFound(w.Kit.Client.Delete(t.Context(), &pod, client.GracePeriodSeconds(0)))
		})
	}
	wait.Until(t, time.Minute, "there is no pod "+restored, func() (bool, string) {
		err := w.Kit.TryGet(t.Context(), restored, &pod)
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
	w.Kit.CreateEmptyPod(t, restored)
}
