// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/credential"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// aim is how soon after its primary is ready a cluster has a proven full. It is measured
// and fails nothing: on a machine that runs other stories the same takes longer.
const aim = 2 * time.Minute

// testFirstBackup makes a cluster whose only schedule is weekly: it is archived and has a
// proven full at once, and is not Ready before. So does a repo that is added later.
func testFirstBackup(t *testing.T) {
	k := kit.New(t, "e2e-events-first")
	k.InitialBackup = true
	startEvents(t, k, "events")
	ready := readySince(t, k, kit.Primary)
	k.CreateAccounts(t)
	awaitReady(t, k, "repo1")
	took := time.Since(ready)
	t.Logf("MEASURED: from primary ready to a proven full, and Ready: %.0f s, the aim is %s", took.Seconds(), aim)
	first := checkFirstBackup(t, k, "repo1", kit.Primary)
	if archiver := k.Archiver(t); archiver.Archived == 0 {
		t.Errorf("nothing is archived: %+v", archiver)
	}

	added := time.Now()
	if err := k.TryApply(t.Context(), "predeploy"); err != nil { // It has repo2, too.
		t.Fatal(err)
	}
	wait.Until(t, time.Minute, "the Stanza is not Ready, since repo2 has no backup", func() (bool, string) {
		conditions := k.Stanza(t).Status.Conditions
		return !meta.IsStatusConditionTrue(conditions, vocab.ConditionReady), fmt.Sprintf("%+v", conditions)
	})
	awaitReady(t, k, "repo1", "repo2")
	t.Logf("MEASURED: from a repo added to its proven full, and Ready: %.0f s", time.Since(added).Seconds())
	checkFirstBackup(t, k, "repo2", kit.Primary)
	k.CheckEncrypted(t, kit.Primary, "2", true)
	if again := checkFirstBackup(t, k, "repo1", kit.Primary); again != first {
		t.Errorf("repo1 got another first backup, %s after %s", again, first)
	}

	want := k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	for _, repo := range []string{"1", "2"} {
		k.RestoreAndCompare(t, want, "restored-"+repo, "--repo="+repo)
	}
}

// startEvents makes the cluster of a folder of testdata, with its credentials.
func startEvents(t *testing.T, k *kit.Kit, folder string) {
	t.Helper()
	k.CreateNamespace(t)
	credential.New(k).S3(t)
	k.Apply(t, folder)
}

// readySince returns when a pod has become ready.
func readySince(t testing.TB, k *kit.Kit, name string) time.Time {
	t.Helper()
	var pod corev1.Pod
	k.Get(t, name, &pod)
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	t.Fatalf("pod %s is not ready", name)
	return time.Time{}
}

// awaitReady waits until the Stanza is Ready. It fails the test if it is Ready while a
// repo has no proven backup.
func awaitReady(t testing.TB, k *kit.Kit, repos ...string) {
	t.Helper()
	wait.Until(t, 4*time.Minute, fmt.Sprintf("the Stanza is Ready, with a backup in %v", repos), func() (bool, string) {
		var stanza stanzaflowv1alpha1.Stanza
		if err := k.TryGet(t.Context(), "cluster", &stanza); err != nil {
			return false, err.Error()
		}
		proven := 0
		for _, repo := range stanza.Status.Repos {
			if repo.LastBackup != nil {
				proven++
			}
		}
		ready := meta.IsStatusConditionTrue(stanza.Status.Conditions, vocab.ConditionReady)
		if ready && proven < len(repos) {
			t.Errorf("the Stanza is Ready, and %d of %d repos have a proven backup: %+v", proven, len(repos), stanza.Status)
		}
		return ready, fmt.Sprintf("%+v %+v", stanza.Status.Conditions, stanza.Status.Triggers)
	})
}

// checkFirstBackup checks that one run of the operator made the first backup of a repo,
// in a pod, and that it is what the Stanza shows. It returns the label.
func checkFirstBackup(t testing.TB, k *kit.Kit, repo, pod string) string {
	t.Helper()
	var runs wfv1.WorkflowList
	k.List(t, &runs, client.MatchingLabels{vocab.LabelTrigger: vocab.TriggerInitial, vocab.LabelRepo: repo})
	if len(runs.Items) != 1 {
		t.Fatalf("%d runs made the first backup of %s, want one", len(runs.Items), repo)
	}
	b := k.ProvenBackup(t, &runs.Items[0], pod)
	if b.Type != cpo.Full {
		t.Errorf("the first backup of %s is %s, want a full", repo, b.Type)
	}
	trigger := triggerStatus(k.Stanza(t), "initial-"+repo)
	if trigger.Workflow != runs.Items[0].Name || string(trigger.Result) != string(stanzaflowv1alpha1.RunSucceeded) || trigger.Pending != nil {
		t.Errorf("the Stanza says of the first backup of %s: %+v", repo, trigger)
	}
	return b.Label
}

// triggerStatus returns what a Stanza says of a trigger.
func triggerStatus(stanza *stanzaflowv1alpha1.Stanza, name string) stanzaflowv1alpha1.TriggerStatus {
	for _, trigger := range stanza.Status.Triggers {
		if trigger.Name == name {
			return trigger
		}
	}
	return stanzaflowv1alpha1.TriggerStatus{}
}
