// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// testFailure checks that a run without a backup fails, and that the node of the failed
// step says why and what to do.
func testFailure(t *testing.T) {
	k := kit.Start(t, "failure")

	// The first run creates the stanza.
	_, first := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	if first.Backup.Type != "full" {
		t.Errorf("the first backup of a repo must be full, is %s", first.Backup.Type)
	}

	giveWrongAnswers(t, k)
}

// testWrongTargets checks that a run without a usable target says which one, and makes
// no backup. A run that loses its pod makes one.
func testWrongTargets(t *testing.T) {
	k := kit.New(t, "e2e-wrong-targets")
	k.Apply(t, "failure", "e2e-failure", k.Namespace)
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	t.Run("each", func(t *testing.T) { tryWrongTargets(t, k) })
	losePod(t, k)
}

// tryWrongTargets submits runs for which there is nothing to back up, or more than one
// thing.
func tryWrongTargets(t *testing.T, k *kit.Kit) {
	t.Helper()
	for name, tc := range map[string]struct {
		cluster, repo, backupType string
		step                      string
		want                      string
		code                      string
	}{
		"no such resource":      {"nobody", "repo1", "full", "precheck", "there is no postgresql e2e-wrong-targets/nobody", "exit code 20"},
		"no such repo":          {"cluster", "repo2", "full", "precheck", "has no repo2 in spec.backup.pgbackrest.repos", "exit code 20"},
		"no such type":          {"cluster", "repo1", "some", "begin", `parameter type is "some"`, "exit code 20"},
		"no target pod":         {"absent", "repo1", "full", "precheck", "no pod of postgresql e2e-wrong-targets/absent has the labels", "exit code 30"},
		"target pod not ready":  {"unready", "repo1", "full", "precheck", "container postgres of pod e2e-wrong-targets/unready-0 is not ready", "exit code 30"},
		"two claim the primary": {"divided", "repo1", "full", "precheck", "2 pods of postgresql e2e-wrong-targets/divided claim to be its primary (divided-0, divided-1)", "exit code 30"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			workflow := awaitFailure(t, k, tc.step, tc.want, tc.code, "cluster="+tc.cluster, "repo="+tc.repo, "type="+tc.backupType, "attempts=1")
			if r := kit.Report(t, workflow); r.Result != stanzaflowv1alpha1.RunFailed || r.Backup != nil {
				t.Errorf("the report of a failed run says %+v", r)
			}
		})
	}
}

// giveWrongAnswers submits runs whose pgBackRest fails, or does not do what it says.
func giveWrongAnswers(t *testing.T, k *kit.Kit) {
	t.Helper()
	full := []string{"cluster=cluster", "repo=repo1", "type=full", "attempts=1"}
	t.Run("backup fails", func(t *testing.T) {
		k.FakePgBackRest(t, kit.Primary, `' backup '*) echo "P00  ERROR: [062]: stop file exists for stanza db" >&2; exit 62`)
		awaitFailure(t, k, "backup", "[062]", "exit code 20", full...)
	})
	t.Run("backup says done and is not listed", func(t *testing.T) {
		k.FakePgBackRest(t, kit.Primary, `' backup '*) echo "INFO: backup command end: completed successfully"; exit 0`)
		workflow := awaitFailure(t, k, "verify", "the backup of this run is not proven", "exit code 20", full...)
		if found := kit.OfRun(k.Backups(t, kit.Primary), workflow); len(found) != 0 {
			t.Fatalf("the test is wrong: there is a backup %+v", found)
		}
		k.AwaitReportedAs(t, workflow.Name, stanzaflowv1alpha1.RunFailed, vocab.ReasonLastRunFailed)
	})
	t.Run("expire fails", func(t *testing.T) {
		k.FakePgBackRest(t, kit.Primary, `' expire '*) echo "ERROR: [055]: unable to load info file" >&2; exit 55`)
		name := k.Submit(t, full...)
		_, r := k.AwaitSuccess(t, name)
		if r.Retention == nil || !r.Retention.Failed || r.Retention.Code != 55 {
			t.Errorf("the report hides the failed expire: %+v", r.Retention)
		}
		k.AwaitReportedAs(t, name, stanzaflowv1alpha1.RunSucceeded, vocab.ReasonRetentionFailed)
	})
	t.Run("the gate is false", func(t *testing.T) {
		k.FakePgBackRest(t, kit.Primary, "")
		k.PatchStanza(t, `{"spec":{"gate":"lastBackup == nil"}}`)
		workflow := awaitFailure(t, k, "precheck", "the gate of stanza e2e-failure/cluster is false", "exit code 20", full...)
		k.AwaitReportedAs(t, workflow.Name, stanzaflowv1alpha1.RunHeld, vocab.ReasonHeld)
		k.PatchStanza(t, `{"spec":{"gate":null}}`)
	})
	t.Run("no such repo", func(t *testing.T) {
		awaitFailure(t, k, "precheck", "has no repo2 in spec.backup.pgbackrest.repos", "exit code 20", "cluster=cluster", "repo=repo2", "type=full", "attempts=1")
	})
	t.Run("no target pod", func(t *testing.T) {
		awaitFailure(t, k, "precheck", "no pod of postgresql e2e-failure/absent has the labels", "exit code 30", "cluster=absent", "repo=repo1", "type=full", "attempts=1")
	})
}

// losePod deletes the pod of a run in the middle of the backup: the run makes one
// backup, and only one.
func losePod(t *testing.T, k *kit.Kit) {
	t.Helper()
	full := []string{"cluster=cluster", "repo=repo1", "type=full", "attempts=1"}
	k.PSQL(t, kit.Primary, `CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 400000) i`)
	k.FakePgBackRest(t, kit.Primary, `' backup '*) exec /usr/bin/pgbackrest "$@" --compress-type=gz --compress-level=9 --process-max=1`)
	name := k.Submit(t, full...)
	k.AwaitBackingUp(t)
	pod := k.PodOfRun(t, name)
	if err := k.Client.Delete(t.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	workflow, _ := k.AwaitSuccess(t, name)
	if found := kit.OfRun(k.Backups(t, kit.Primary), workflow); len(found) != 1 {
		t.Errorf("the run whose pod was lost made %d backups, want 1: %+v", len(found), found)
	}
	if again := k.PodOfRun(t, name); again.UID == pod.UID {
		t.Error("the test is wrong: no second pod was started")
	}
}

// awaitFailure submits a run that must fail, and looks for the message on the node of
// the step, where a person sees it.
func awaitFailure(t testing.TB, k *kit.Kit, step, message, code string, parameters ...string) *wfv1.Workflow {
	t.Helper()
	workflow := k.AwaitRun(t, k.Submit(t, parameters...))
	if workflow.Status.Phase != wfv1.WorkflowFailed {
		t.Fatalf("the workflow is %s, must be Failed: %s", workflow.Status.Phase, kit.DescribeRun(workflow))
	}
	node := kit.StepNode(workflow, step)
	if node == nil {
		t.Fatalf("there is no node of step %s: %s", step, kit.DescribeRun(workflow))
	}
	if node.Phase != wfv1.NodeFailed || !strings.Contains(node.Message, message) || !strings.Contains(node.Message, code) {
		t.Errorf("step %s is %s with message %q, must be Failed with %q and %q", step, node.Phase, node.Message, message, code)
	}
	return workflow
}
