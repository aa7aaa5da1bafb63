// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// testFailure: what is no backup is no success, and the node of the step that
// failed says why and what to do.
func testFailure(t *testing.T) {
	t.Helper()
	k := newKit(t, "e2e-failure")
	k.apply(t, "failure")
	k.podReady(t, "cluster-0")

	// The first run creates the stanza.
	first := k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	if first.Backup.Type != "full" {
		t.Errorf("the first backup of a repo must be full, is %s", first.Backup.Type)
	}

	k.wrongAnswers(t)
}

// testWrongTargets: a run that cannot have a target says which, and makes no backup.
func testWrongTargets(t *testing.T) {
	t.Helper()
	k := newKit(t, "e2e-wrong-targets")
	k.apply(t, "failure", "e2e-failure", k.namespace)
	k.podReady(t, "cluster-0")
	k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	t.Run("each", k.wrongTargets)
	k.podLost(t)
}

// wrongTargets: there is nothing, or not one thing, to back up.
func (k *kit) wrongTargets(t *testing.T) {
	for name, tc := range map[string]struct {
		cluster, repo, backupType string
		step                      string
		want                      string
		code                      string
	}{
		"no such resource":      {"nobody", "repo1", "full", "precheck", "there is no postgresql e2e-wrong-targets/nobody", "exit code 20"},
		"no such repo":          {"cluster", "repo2", "full", "precheck", "has no repo2 in spec.backup.pgbackrest.repos", "exit code 20"},
		"no such type":          {"cluster", "repo1", "some", "main", `parameter type is "some"`, "exit code 20"},
		"no target pod":         {"absent", "repo1", "full", "precheck", "no pod of postgresql e2e-wrong-targets/absent has the labels", "exit code 30"},
		"target pod not ready":  {"unready", "repo1", "full", "precheck", "container postgres of pod e2e-wrong-targets/unready-0 is not ready", "exit code 30"},
		"two claim the primary": {"divided", "repo1", "full", "precheck", "2 pods of postgresql e2e-wrong-targets/divided claim to be its primary (divided-0, divided-1)", "exit code 30"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			workflow := k.failed(t, tc.step, tc.want, tc.code, "cluster="+tc.cluster, "repo="+tc.repo, "type="+tc.backupType, "attempts=1")
			if r := reportOf(t, workflow); r.Result != stanzaflowv1alpha1.RunFailed || r.Backup != nil {
				t.Errorf("the report of a failed run says %+v", r)
			}
		})
	}
}

// wrongAnswers: pgBackRest in the pod says that it cannot, or does not do what
// it says.
func (k *kit) wrongAnswers(t *testing.T) {
	full := []string{"cluster=cluster", "repo=repo1", "type=full", "attempts=1"}
	t.Run("backup fails", func(t *testing.T) {
		k.pretend(t, `backup) echo "P00  ERROR: [062]: stop file exists for stanza db" >&2; exit 62`)
		k.failed(t, "backup", "[062]", "exit code 20", full...)
	})
	t.Run("backup says done and is not listed", func(t *testing.T) {
		k.pretend(t, `backup) echo "INFO: backup command end: completed successfully"; exit 0`)
		workflow := k.failed(t, "verify", "the backup of this run is not proven", "exit code 20", full...)
		if found := byRun(k.info(t, "cluster-0"), string(workflow.UID)); len(found) != 0 {
			t.Fatalf("the test is wrong: there is a backup %+v", found)
		}
		k.reportedAs(t, workflow.Name, stanzaflowv1alpha1.RunFailed, vocab.ReasonLastRunFailed)
	})
	t.Run("expire fails", func(t *testing.T) {
		k.pretend(t, `expire) echo "ERROR: [055]: unable to load info file" >&2; exit 55`)
		name := k.submit(t, full...)
		r := k.succeeded(t, name)
		if r.Retention == nil || !r.Retention.Failed || r.Retention.Code != 55 {
			t.Errorf("the report hides the failed expire: %+v", r.Retention)
		}
		k.reportedAs(t, name, stanzaflowv1alpha1.RunSucceeded, vocab.ReasonRetentionFailed)
	})
	t.Run("the gate is false", func(t *testing.T) {
		k.pretend(t, "")
		k.patchStanza(t, `{"spec":{"gate":"lastBackup == nil"}}`)
		workflow := k.failed(t, "precheck", "the gate of stanza e2e-failure/cluster is false", "exit code 20", full...)
		k.reportedAs(t, workflow.Name, stanzaflowv1alpha1.RunHeld, vocab.ReasonHeld)
		k.patchStanza(t, `{"spec":{"gate":null}}`)
	})
	t.Run("no such repo", func(t *testing.T) {
		k.failed(t, "precheck", "has no repo2 in spec.backup.pgbackrest.repos", "exit code 20", "cluster=cluster", "repo=repo2", "type=full", "attempts=1")
	})
	t.Run("no target pod", func(t *testing.T) {
		k.failed(t, "precheck", "no pod of postgresql e2e-failure/absent has the labels", "exit code 30", "cluster=absent", "repo=repo1", "type=full", "attempts=1")
	})
}

// podLost: the run whose pod is deleted in the middle of the backup makes one, and
// only one.
func (k *kit) podLost(t *testing.T) {
	t.Helper()
	full := []string{"cluster=cluster", "repo=repo1", "type=full", "attempts=1"}
	k.psql(t, "cluster-0", "postgres", `CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 400000) i`)
	k.pretend(t, `backup) exec /usr/bin/pgbackrest "$@" --compress-type=gz --compress-level=9 --process-max=1`)
	name := k.submit(t, full...)
	k.backupRuns(t)
	pod := k.podOf(t, name)
	if err := k.Delete(t.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	k.succeeded(t, name)
	workflow := k.finished(t, name)
	if found := byRun(k.info(t, "cluster-0"), string(workflow.UID)); len(found) != 1 {
		t.Errorf("the run whose pod was lost made %d backups, want 1: %+v", len(found), found)
	}
	if again := k.podOf(t, name); again.UID == pod.UID {
		t.Error("the test is wrong: no second pod was started")
	}
}

// failed waits for a run that must fail, and looks for the message on the node
// of the step, where a person sees it.
func (k *kit) failed(t testing.TB, step, message, code string, parameters ...string) *wfv1.Workflow {
	t.Helper()
	workflow := k.finished(t, k.submit(t, parameters...))
	if workflow.Status.Phase != wfv1.WorkflowFailed {
		t.Fatalf("the workflow is %s, must be Failed: %s", workflow.Status.Phase, describe(workflow))
	}
	for _, node := range workflow.Status.Nodes {
		if node.Type != wfv1.NodeTypeContainer || node.DisplayName != step {
			continue
		}
		if node.Phase != wfv1.NodeFailed || !strings.Contains(node.Message, message) || !strings.Contains(node.Message, code) {
			t.Errorf("step %s is %s with message %q, must be Failed with %q and %q", step, node.Phase, node.Message, message, code)
		}
		return workflow
	}
	t.Fatalf("there is no node of step %s: %s", step, describe(workflow))
	return nil
}

// reportedAs: the Stanza tells the result of the run, and is not healthy.
func (k *kit) reportedAs(t testing.TB, workflow string, result stanzaflowv1alpha1.RunResult, reason string) {
	t.Helper()
	eventually(t, minute, fmt.Sprintf("the Stanza says %s of %s, reason %s", result, workflow, reason), func() (bool, string) {
		status := k.stanza(t, "cluster").Status
		healthy := meta.FindStatusCondition(status.Conditions, vocab.ConditionBackupHealthy)
		return status.LastRun != nil && status.LastRun.Workflow == workflow && status.LastRun.Result == result &&
			healthy != nil && healthy.Status != "True" && healthy.Reason == reason, fmt.Sprintf("%+v %+v", status.LastRun, healthy)
	})
}

// pretend puts a pgbackrest in front of the real one, with one more case.
func (k *kit) pretend(t testing.TB, branch string) {
	t.Helper()
	script := "#!/bin/bash\ncase $1 in\n" + branch + ";;\n*) exec /usr/bin/pgbackrest \"$@\";;\nesac\n"
	if branch == "" {
		script = "#!/bin/bash\nexec /usr/bin/pgbackrest \"$@\"\n"
	}
	k.run(t, "cluster-0", "bash", "-c", `mkdir -p /home/postgres/bin && printf %s "$1" >/home/postgres/bin/next && chmod 755 /home/postgres/bin/next && mv /home/postgres/bin/next /home/postgres/bin/pgbackrest`, "-", script)
}

func (k *kit) backupRuns(t testing.TB) {
	t.Helper()
	if begun, got := watch(2*minute, func() (bool, string) {
		out := k.psql(t, "cluster-0", "postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'")
		return out != "0", out + " sessions"
	}); !begun {
		t.Fatalf("pgBackRest copies no files: %s", got)
	}
}

func (k *kit) podOf(t testing.TB, workflow string) *corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	if err := k.List(t.Context(), &pods, client.InNamespace(k.namespace), client.MatchingLabels{"workflows.argoproj.io/workflow": workflow}); err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) == 0 {
		t.Fatalf("workflow %s has no pod", workflow)
	}
	return &pods.Items[len(pods.Items)-1]
}
