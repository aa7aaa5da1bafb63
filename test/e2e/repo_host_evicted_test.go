// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testRepoHostEvicted evicts the repo host in the middle of an incremental backup, as a
// drain of its node does. The run makes its backup on the next pod, and the StatefulSet
// has made just one more.
func testRepoHostEvicted(t *testing.T) {
	k := kit.New(t, "e2e-repo-host-evicted")
	k.Apply(t, "fault/pvc")
	k.AwaitPod(t, kit.RepoHost)
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	// The next backup has this to copy, with the slowest compression.
	k.PSQL(t, kit.Primary, `CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 300000) i`)
	k.AwaitArchived(t)

	name := k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr")
	wait.Until(t, 2*time.Minute, "the incr copies files", func() (bool, string) {
		manifest, err := k.TryExec(t.Context(), kit.RepoHost, "find", "/data/pgbackrest/repo1", "-path", "*I/backup.manifest.copy")
		return err == nil && manifest != "", fmt.Sprintf("%v %s", err, manifest)
	})
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: kit.RepoHost, Namespace: k.Namespace}}
	if err := k.Core.CoreV1().Pods(k.Namespace).EvictV1(t.Context(), eviction); err != nil {
		t.Fatal(err)
	}
	hosts := watchRepoHosts(t, k, name)
	workflow, r := k.AwaitSuccess(t, name)
	if b := k.ProvenBackup(t, workflow, kit.RepoHost); b.Type != cpo.Incr {
		t.Errorf("backup %s is of type %s, want incr", b.Label, b.Type)
	}
	if !slices.ContainsFunc(r.Steps, func(s report.Step) bool { return s.Name == "backup" && s.Attempts > 1 }) {
		t.Errorf("the test is wrong: the eviction has not ended the backup: %+v", r.Steps)
	}
	t.Logf("%d pods of the repo host during the run: %v; steps %+v", len(hosts), hosts, r.Steps)
	if len(hosts) != 2 {
		t.Errorf("the repo host had the pods %v, want the evicted one and the next", hosts)
	}
	checkNoFailedPod(t, k)

	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	restoreToTheEnd(t, k)
}

// watchRepoHosts returns all pods that the repo host has until a run is over, with the
// last phase of each.
func watchRepoHosts(t *testing.T, k *kit.Kit, run string) map[types.UID]corev1.PodPhase {
	t.Helper()
	seen := map[types.UID]corev1.PodPhase{}
	wait.Until(t, 10*time.Minute, "the run is over", func() (bool, string) {
		var pods corev1.PodList
		k.List(t, &pods, client.MatchingLabels{cpo.LabelMemberType: cpo.MemberRepoHost})
		for _, pod := range pods.Items {
			seen[pod.UID] = pod.Status.Phase
		}
		var workflow wfv1.Workflow
		k.Get(t, run, &workflow)
		return workflow.Status.Fulfilled(), fmt.Sprintf("%v %s", seen, kit.DescribeRun(&workflow))
	})
	return seen
}

// checkNoFailedPod checks that neither the StatefulSet nor the run has left a failed pod.
func checkNoFailedPod(t *testing.T, k *kit.Kit) {
	t.Helper()
	var pods corev1.PodList
	k.List(t, &pods)
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodFailed {
			t.Errorf("pod %s has failed and is still there: %s %s", pod.Name, pod.Status.Reason, pod.Status.Message)
		}
	}
}
