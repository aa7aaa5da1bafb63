// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/credential"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// Replica is the pod that follows the primary, with storage s3.
const Replica = "replica-0"

// World is a namespace with a cluster, its store and its runs. One fault after the
// other is tried in it.
type World struct {
	// Kit and Credentials are nil until Make.
	Kit         *kit.Kit
	Credentials *credential.Set
	// Storage of repo1.
	Storage string
	// Primary is the pod that is the primary now.
	Primary string

	name string
	// sound says that the last trial has left the World undamaged.
	sound bool
	// filler is the digest of a table that never changes.
	filler string
}

// NewWorld returns a World that Make makes. The test removes it at its end, unless it
// has failed.
func NewWorld(t *testing.T, storage string, n int) *World {
	t.Helper()
	w := &World{Storage: storage, name: fmt.Sprintf("e2e-fault-%s-%d", storage, n)}
	t.Cleanup(func() {
		if w.Kit == nil || t.Failed() {
			return
		}
		w.Kit.DeleteNamespace(t)
		for _, claim := range w.claims() {
			program.LocalCluster(t, "volume", "remove", w.Kit.Namespace+"/"+claim)
		}
	})
	return w
}

// Make makes the World, unless it exists and is sound.
func (w *World) Make(t *testing.T) {
	t.Helper()
	if w.sound {
		return
	}
	if w.Kit == nil {
		w.Kit = kit.Connect(t, w.name)
	}
	k := w.Kit
	k.DeleteNamespace(t)
	k.CreateNamespace(t)
	// A volume of the local cluster is otherwise as large as the disk of the machine,
	// and faults fill it.
	for _, claim := range w.claims() {
		program.LocalCluster(t, "volume", "make", k.Namespace+"/"+claim, "2Gi")
	}
	w.Credentials = credential.New(k)
	if w.Storage == cpo.StorageS3 {
		w.Credentials.S3(t)
	}
	k.Apply(t, "fault/"+w.Storage)
	w.Primary = kit.Primary
	if w.Storage == cpo.StoragePVC {
		k.AwaitPod(t, kit.RepoHost)
	} else {
		// The network of the test cluster is closed.
		k.Exec(t, kit.Primary, "bash", "-c", "echo 'host replication,postgres postgres all trust' >>"+cpo.PGDataPath+"/pg_hba.conf")
		w.RetryPSQL(t, kit.Primary, "SELECT pg_reload_conf()")
		k.AwaitPod(t, Replica)
	}
	// Enough data that cannot be compressed: a backup takes some seconds.
	k.PSQL(t, kit.Primary, `CREATE TABLE ledger (id bigint PRIMARY KEY, noise text NOT NULL);
CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 150000) i; CHECKPOINT`)
	w.filler = w.RetryPSQL(t, kit.Primary, fillerDigest)
	if _, err := w.runOnce(t, vocab.FormPod, "full"); err != "" {
		t.Fatalf("the first run, without any fault: %s", err)
	}
}

// ApplyAgain is what a person does who finds something missing or changed.
func (w *World) ApplyAgain(t *testing.T) {
	t.Helper()
	wait.Retry(t, "the manifests are applied again", func() error { return w.Kit.TryApply(t.Context(), "fault/"+w.Storage) })
}

func (w *World) claims() []string {
	if w.Storage == cpo.StoragePVC {
		return []string{"pgdata-cluster-0", "repo1-cluster-pgbackrest-repo-host-0"}
	}
	return []string{"pgdata-cluster-0"}
}

// HostPod is where backups of repo1 are made.
func (w *World) HostPod() string {
	if w.Storage == cpo.StoragePVC {
		return kit.RepoHost
	}
	return w.Primary
}

// RetryPSQL repeats a statement while the database or the API server is down.
func (w *World) RetryPSQL(t testing.TB, pod, statement string) string {
	t.Helper()
	var out string
	wait.Until(t, 3*time.Minute, "PostgreSQL in "+pod+" answers "+statement, func() (bool, string) {
		var err error
		out, err = w.Kit.TryPSQL(t.Context(), pod, statement)
		return err == nil, fmt.Sprintf("%v %s", err, out)
	})
	return out
}

// RetryExec repeats a command until it succeeds: the pod may be down for a while.
func (w *World) RetryExec(t testing.TB, pod string, argv ...string) {
	t.Helper()
	wait.Retry(t, fmt.Sprint(argv), func() error {
		out, err := w.Kit.TryExec(t.Context(), pod, argv...)
		if err != nil {
			return fmt.Errorf("%w: %s", err, Tail(out))
		}
		return nil
	})
}

// Pods lists the pods that have not ended.
func (w *World) Pods(t testing.TB, namespace string, labels map[string]string) []corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	wait.Retry(t, "pods are listed", func() error {
		return w.Kit.Client.List(t.Context(), &pods, client.InNamespace(namespace), client.MatchingLabels(labels))
	})
	return slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool {
		return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	})
}

// DeletePods deletes the pods that exist now, without grace, and returns how many.
func (w *World) DeletePods(t testing.TB, namespace string, labels map[string]string) int {
	t.Helper()
	pods := w.Pods(t, namespace, labels)
	for _, pod := range pods {
		wait.Retry(t, "pod "+pod.Name+" is deleted", func() error {
			return client.IgnoreNotFound(w.Kit.Client.Delete(t.Context(), &pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID}))
		})
	}
	return len(pods)
}

// Scale sets the replicas of a StatefulSet.
func (w *World) Scale(t testing.TB, statefulSet string, replicas int32) {
	t.Helper()
	wait.Retry(t, "scale "+statefulSet, func() error {
		return w.Kit.Client.Patch(t.Context(), &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.Kit.Namespace, Name: statefulSet}},
			client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)))
	})
}
