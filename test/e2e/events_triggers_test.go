// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// triggersPatch gives the Stanza a trigger of each kind.
const triggersPatch = `{"spec":{"triggers":[
{"name":"release","event":"Change","of":{"kind":"Deployment","selector":{"matchLabels":{"app":"shop"}}},
 "when":"old.spec.template.spec.containers[0].image != new.spec.template.spec.containers[0].image","type":"incr","cooldown":"30s"},
{"name":"resized","event":"Change","of":{"kind":"postgresql"},
 "when":"old.spec.numberOfInstances != new.spec.numberOfInstances","type":"incr","maxAge":"30m"},
{"name":"restored","event":"Restore","type":"full"},
{"name":"failover","event":"Failover","type":"incr"}]}}`

// shop is what a release changes. It has no pods.
const shop = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {app: shop}}
spec:
  replicas: 0
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "registry.example.com/shop:v1"}]}
`

// testTriggers lets happen what triggers wait for: a change of a Deployment and of the
// postgresql, a restore, a failover. Each starts one run, which names its causes. What
// does not concern a trigger starts none.
func testTriggers(t *testing.T) {
	k := kit.New(t, "e2e-events-triggers")
	k.InitialBackup = true
	startEvents(t, k, "events")
	k.CreateAccounts(t)
	k.ApplyText(t, shop)
	awaitReady(t, k, "repo1")
	k.PatchStanza(t, triggersPatch)
	wait.Until(t, time.Minute, "the triggers have seen what there is", func() (bool, string) {
		stanza := k.Stanza(t)
		for _, name := range []string{"release", "resized", "failover"} {
			if len(triggerStatus(stanza, name).Observed) == 0 {
				return false, fmt.Sprintf("%+v", stanza.Status.Triggers)
			}
		}
		return true, ""
	})

	releaseSeveralTimes(t, k)
	resize(t, k)
	restoreCluster(t, k)
	failOver(t, k)
	if runs := runsOfTrigger(t, k, "resized"); len(runs) > 0 {
		t.Errorf("a proven backup was young enough, and resized has the runs %v", runs)
	}
}

// releaseSeveralTimes changes the image: one run. Two changes while the trigger cools
// down: one run that names both. A change of something else: none.
func releaseSeveralTimes(t *testing.T, k *kit.Kit) {
	t.Helper()
	program.Kubectl(t, "annotate", "-n", k.Namespace, "deployment/shop", "e2e.stanzaflow.dev/changed=yes")
	program.Kubectl(t, "scale", "-n", k.Namespace, "deployment/shop", "--replicas=0", "--current-replicas=0")
	program.Kubectl(t, "patch", "-n", k.Namespace, "deployment/shop", "--type=merge", "-p", `{"spec":{"minReadySeconds":1}}`)
	setImage(t, k, "v2")
	first := awaitTriggered(t, k, "release", 1)
	checkCauses(t, first[0], 1)
	for _, version := range []string{"v3", "v4"} {
		seen := triggerStatus(k.Stanza(t), "release").Observed
		setImage(t, k, version)
		wait.Until(t, 20*time.Second, "the trigger has seen "+version, func() (bool, string) {
			now := triggerStatus(k.Stanza(t), "release")
			return fmt.Sprint(now.Observed) != fmt.Sprint(seen), fmt.Sprintf("%+v", now)
		})
	}
	runs := awaitTriggered(t, k, "release", 2)
	checkCauses(t, runs[1], 2)
	if gap := runs[1].CreationTimestamp.Sub(runs[0].CreationTimestamp.Time); gap < 29*time.Second {
		t.Errorf("the cooldown is 30s, and the second run came %s after the first", gap)
	}
}

func setImage(t testing.TB, k *kit.Kit, version string) {
	t.Helper()
	program.Kubectl(t, "set", "image", "-n", k.Namespace, "deployment/shop", "shop=registry.example.com/shop:"+version)
}

// resize changes the postgresql while a proven backup is young enough.
func resize(t *testing.T, k *kit.Kit) {
	t.Helper()
	k.PatchCluster(t, `[{"op":"add","path":"/spec/numberOfInstances","value":2}]`)
	wait.Until(t, time.Minute, "no run is needed", func() (bool, string) {
		trigger := triggerStatus(k.Stanza(t), "resized")
		return trigger.Result == stanzaflowv1alpha1.TriggerNotNeeded && trigger.Pending == nil && len(trigger.Causes) == 1 && trigger.Workflow == "", fmt.Sprintf("%+v", trigger)
	})
}

// restoreCluster says what CPO says of a restore, which it does itself: while it restores,
// nothing runs.
func restoreCluster(t *testing.T, k *kit.Kit) {
	t.Helper()
	status := func(text string) {
		program.Kubectl(t, "patch", "-n", k.Namespace, "postgresql/cluster", "--subresource=status", "--type=merge", "-p", `{"status":`+text+`}`)
	}
	// Otherwise the status would say that CPO manages the cluster.
	program.Kubectl(t, "annotate", "-n", k.Namespace, "postgresql/cluster", cpo.AnnotationController+"=stanzaflow")
	status(`{"PostgresClusterStatus":"Running"}`)
	k.PatchCluster(t, `[{"op":"add","path":"/spec/backup/pgbackrest/restore","value":{"id":"r1","repo":"repo1"}}]`)
	wait.Until(t, time.Minute, "the Stanza says that the cluster is being restored", func() (bool, string) {
		schedules := k.Stanza(t).Status.Schedules
		return len(schedules) == 1 && strings.Contains(schedules[0].Held, "being restored"), fmt.Sprintf("%+v", schedules)
	})
	if runs := runsOfTrigger(t, k, "restored"); len(runs) > 0 {
		t.Errorf("the restore has not ended, and there are the runs %v", runs)
	}
	status(`{"PostgresClusterStatus":"Running","RestoreID":"r1"}`)
	runs := awaitTriggered(t, k, "restored", 1)
	checkCauses(t, runs[0], 1)
	if b := k.ProvenBackup(t, &runs[0], kit.Primary); b.Type != cpo.Full {
		t.Errorf("backup %s after the restore is %s, want full", b.Label, b.Type)
	}
}

// failOver fails over to the replica, as Patroni does.
func failOver(t *testing.T, k *kit.Kit) {
	t.Helper()
	// The network of the test cluster is closed.
	k.Exec(t, kit.Primary, "bash", "-c", "echo 'host replication,postgres postgres all trust' >>"+cpo.PGDataPath+"/pg_hba.conf")
	k.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	program.Kubectl(t, "scale", "-n", k.Namespace, "statefulset/replica", "--replicas=1")
	k.AwaitPod(t, replica)
	want := k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	program.Kubectl(t, "scale", "-n", k.Namespace, "statefulset/cluster", "--replicas=0")
	program.Kubectl(t, "wait", "-n", k.Namespace, "--for=delete", "pod/"+kit.Primary, "--timeout=120s")
	k.PSQL(t, replica, "SELECT pg_promote()")
	program.Kubectl(t, "label", "-n", k.Namespace, "pod/"+replica, "--overwrite", cpo.LabelRole+"="+cpo.RolePrimary)

	runs := awaitTriggered(t, k, "failover", 1)
	checkCauses(t, runs[0], 1)
	b := k.ProvenBackup(t, &runs[0], replica)
	if !strings.HasPrefix(b.Archive.Start, "00000002") {
		t.Errorf("backup %s after the failover begins at %s, on the timeline from before", b.Label, b.Archive.Start)
	}
	k.RestoreAndCompare(t, want, "restored", append(kit.ExactlyBackup(b.Label), "--repo=1")...)
}

// replica is the pod of StatefulSet replica.
const replica = "replica-0"

// awaitTriggered waits until a trigger has this many runs, all proven, and nothing left to
// do. It returns them, the oldest first.
func awaitTriggered(t testing.TB, k *kit.Kit, trigger string, n int) []wfv1.Workflow {
	t.Helper()
	var runs []wfv1.Workflow
	wait.Until(t, 4*time.Minute, fmt.Sprintf("trigger %s has %d runs", trigger, n), func() (bool, string) {
		runs = runsOfTrigger(t, k, trigger)
		status := triggerStatus(k.Stanza(t), trigger)
		done := len(runs) >= n && status.Pending == nil && status.Result == stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunSucceeded) && status.Workflow == runs[len(runs)-1].Name
		return done, fmt.Sprintf("%d runs, %+v", len(runs), status)
	})
	if len(runs) != n {
		t.Errorf("trigger %s has %d runs, want %d", trigger, len(runs), n)
	}
	for i := range runs {
		if runs[i].Labels[vocab.LabelKind] != string(vocab.RunBackup) {
			t.Errorf("workflow %s is of kind %s", runs[i].Name, runs[i].Labels[vocab.LabelKind])
		}
	}
	return runs
}

func runsOfTrigger(t testing.TB, k *kit.Kit, trigger string) []wfv1.Workflow {
	t.Helper()
	var runs wfv1.WorkflowList
	k.List(t, &runs, client.MatchingLabels{vocab.LabelTrigger: trigger})
	slices.SortFunc(runs.Items, func(a, b wfv1.Workflow) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return runs.Items
}

// checkCauses checks that a run names that many causes.
func checkCauses(t testing.TB, run wfv1.Workflow, n int) {
	t.Helper()
	var causes []string
	if err := json.Unmarshal([]byte(run.Annotations[vocab.AnnotationCauses]), &causes); err != nil || len(causes) != n {
		t.Errorf("workflow %s names the causes %v, want %d: %v", run.Name, causes, n, err)
	}
	t.Logf("%s: %s", run.Name, strings.Join(causes, "; "))
}
