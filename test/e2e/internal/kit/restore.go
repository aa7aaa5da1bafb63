// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// Restore creates a pod with an empty directory, restores a backup into it, starts
// PostgreSQL on it and waits until it is promoted. From the cluster it uses only the
// pgBackRest configuration and the credentials. The options of pgbackrest restore say
// what to restore. Restore returns how long that command took.
func (k *Kit) Restore(t testing.TB, pod string, options ...string) time.Duration {
	t.Helper()
	k.CreateEmptyPod(t, pod)
	return k.RestoreInto(t, pod, append([]string{"pgbackrest", "restore", "--stanza=db"}, options...)...)
}

// RestoreInto is Restore with a whole command, into a pod of CreateEmptyPod, which may
// have had another restore.
func (k *Kit) RestoreInto(t testing.TB, pod string, command ...string) time.Duration {
	t.Helper()
	took := k.RestoreFiles(t, pod, command...)
	k.StartPostgres(t, pod)
	wait.Until(t, 3*time.Minute, "the restored PostgreSQL is promoted", func() (bool, string) { return k.IsPromoted(t.Context(), pod) })
	return took
}

// RestoreFiles is RestoreInto that does not start PostgreSQL.
func (k *Kit) RestoreFiles(t testing.TB, pod string, command ...string) time.Duration {
	t.Helper()
	_, _ = k.TryExec(t.Context(), pod, "pg_ctl", "-D", cpo.PGDataPath, "-m", "immediate", "-w", "stop")
	k.Exec(t, pod, "find", cpo.PGDataPath, "-mindepth", "1", "-delete")
	started := time.Now()
	k.Exec(t, pod, command...)
	return time.Since(started)
}

// RestoreAndCompare restores and compares the data of every table. Then it deletes the
// pod.
func (k *Kit) RestoreAndCompare(t testing.TB, want map[string]string, pod string, options ...string) time.Duration {
	t.Helper()
	took := k.Restore(t, pod, options...)
	CheckSameData(t, want, k.Checksums(t, pod))
	k.DeletePod(t, pod)
	return took
}

// ExactlyBackup are the options that restore one backup, and no WAL beyond what makes
// it consistent.
func ExactlyBackup(label string) []string {
	return []string{"--set=" + label, "--type=immediate", "--target-action=promote"}
}

// IsPromoted says whether the PostgreSQL of a pod is no longer in recovery.
func (k *Kit) IsPromoted(ctx context.Context, pod string) (bool, string) {
	out, err := k.TryPSQL(ctx, pod, "SELECT pg_is_in_recovery()")
	return err == nil && out == "f", fmt.Sprintf("%v %s", err, out)
}

// CreateEmptyPod creates a pod like that of PostgreSQL, without its volume and its
// other containers, and waits until it is ready.
func (k *Kit) CreateEmptyPod(t testing.TB, name string) {
	t.Helper()
	var source appsv1.StatefulSet
	k.Get(t, "cluster", &source)
	spec := source.Spec.Template.Spec.DeepCopy()
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "pgdata", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	spec.Containers = slices.DeleteFunc(spec.Containers, func(c corev1.Container) bool { return c.Name != cpo.ContainerPostgreSQL })
	container := &spec.Containers[0]
	container.Command, container.ReadinessProbe = []string{"sleep", "3600"}, nil
	spec.TerminationGracePeriodSeconds = new(int64)
	// Without the labels of the cluster: this is not a primary.
	object := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.Namespace}, Spec: *spec}
	if err := k.Client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	k.AwaitPod(t, name)
	k.Exec(t, name, "mkdir", "-p", "-m", "700", cpo.PGDataPath, cpo.LogPath, cpo.SpoolPath)
	if left := k.Exec(t, name, "ls", "-A", cpo.PGDataPath); left != "" {
		t.Fatalf("the directory to restore into is not empty: %s", left)
	}
}

// StartPostgres starts PostgreSQL in an empty pod after a restore.
func (k *Kit) StartPostgres(t testing.TB, pod string) {
	t.Helper()
	if err := k.TryStartPostgres(t.Context(), pod, ""); err != nil {
		t.Fatal(err)
	}
}

// PostgresLog is the log of PostgreSQL in an empty pod.
const PostgresLog = "/tmp/postgresql.log"

// TryStartPostgres is StartPostgres with more options of the server; it returns the
// error. This PostgreSQL archives nothing: it must not write to the repo of the
// cluster.
func (k *Kit) TryStartPostgres(ctx context.Context, pod, options string) error {
	out, err := k.TryExec(ctx, pod, "pg_ctl", "-D", cpo.PGDataPath, "-w", "-t", "180", "-l", PostgresLog,
		"-o", "-c archive_mode=off -c unix_socket_directories=/var/run/postgresql "+options, "start")
	if err != nil {
		last, _ := k.TryExec(ctx, pod, "tail", "-n", "30", PostgresLog)
		return fmt.Errorf("PostgreSQL does not start in %s: %w: %s\n%s", pod, err, out, last)
	}
	return nil
}
