// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// checksums maps every table of a user, in every database, to a digest of its
// rows and to their number.
func (k *kit) checksums(t testing.TB, pod string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	databases := k.psql(t, pod, "postgres", "SELECT datname FROM pg_database WHERE datallowconn AND datname NOT LIKE 'template%' ORDER BY 1")
	for database := range strings.FieldsSeq(databases) {
		tables := k.psql(t, pod, database, `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
		for table := range strings.FieldsSeq(tables) {
			// Neither of the two depends on the order of the rows.
			sums[database+" "+table] = k.psql(t, pod, database, fmt.Sprintf(
				"SELECT count(*) || ' rows, ' || coalesce(sum(hashtextextended(r::text, 1)::numeric), 0) || ' ' || coalesce(bit_xor(hashtextextended(r::text, 2)), 0) FROM %s r", table))
		}
	}
	if len(sums) == 0 {
		t.Fatalf("there is no table to compare in %s", pod)
	}
	return sums
}

// restore makes a pod with an empty directory, restores a backup into it, starts
// PostgreSQL on it and waits until it is promoted. It uses nothing of the cluster
// but its pgBackRest configuration and credentials. The options say what is
// restored. It returns how long pgbackrest restore took.
func (k *kit) restore(t testing.TB, pod string, options ...string) time.Duration {
	t.Helper()
	k.emptyPod(t, pod)
	started := time.Now()
	k.run(t, pod, append([]string{"pgbackrest", "restore", "--stanza=db"}, options...)...)
	took := time.Since(started)
	k.startPostgres(t, pod)
	eventually(t, 3*minute, "the restored PostgreSQL is promoted", func() (bool, string) {
		out, err := k.try(t, pod, "psql", "-X", "-A", "-t", "-h", "/var/run/postgresql", "-U", "postgres", "-c", "SELECT pg_is_in_recovery()")
		return err == nil && strings.TrimSpace(out) == "f", fmt.Sprintf("%v %s", err, out)
	})
	return took
}

// emptyPod is made of the pod of PostgreSQL, without its volume and without what
// runs beside it.
func (k *kit) emptyPod(t testing.TB, pod string) {
	t.Helper()
	var source appsv1.StatefulSet
	if err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: "cluster"}, &source); err != nil {
		t.Fatal(err)
	}
	spec := source.Spec.Template.Spec.DeepCopy()
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "pgdata", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	spec.Containers = slices.DeleteFunc(spec.Containers, func(c corev1.Container) bool { return c.Name != cpo.ContainerPostgreSQL })
	container := &spec.Containers[0]
	container.Command, container.ReadinessProbe = []string{"sleep", "3600"}, nil
	spec.TerminationGracePeriodSeconds = new(int64)
	// Not the labels of the cluster: this is no primary.
	object := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pod, Namespace: k.namespace}, Spec: *spec}
	if err := k.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	k.podReady(t, pod)
	k.run(t, pod, "mkdir", "-p", "-m", "700", cpo.PGDataPath, cpo.LogPath, cpo.SpoolPath)
	if left := k.run(t, pod, "ls", "-A", cpo.PGDataPath); left != "" {
		t.Fatalf("the directory to restore into is not empty: %s", left)
	}
}

// startPostgres archives nothing: it must not write into the repo of the cluster.
func (k *kit) startPostgres(t testing.TB, pod string) {
	t.Helper()
	if out, err := k.try(t, pod, "pg_ctl", "-D", cpo.PGDataPath, "-w", "-t", "180", "-l", "/tmp/postgresql.log",
		"-o", "-c archive_mode=off -c unix_socket_directories=/var/run/postgresql", "start"); err != nil {
		log, _ := k.try(t, pod, "tail", "-n", "30", "/tmp/postgresql.log")
		t.Fatalf("PostgreSQL does not start in %s: %v %s\n%s", pod, err, out, log)
	}
}

// removePod ends a pod that the test made.
func (k *kit) removePod(t testing.TB, pod string) {
	t.Helper()
	if err := k.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pod, Namespace: k.namespace}}); err != nil {
		t.Fatal(err)
	}
}

// sameData fails the test for every table that differs.
func sameData(t testing.TB, want, got map[string]string) {
	t.Helper()
	for _, table := range slices.Sorted(maps.Keys(want)) {
		if got[table] != want[table] {
			t.Errorf("table %s: restored %q, was %q", table, got[table], want[table])
		}
	}
	for _, table := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[table]; !ok {
			t.Errorf("table %s is restored and was never there", table)
		}
	}
}
