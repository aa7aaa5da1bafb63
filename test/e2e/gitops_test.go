// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testGitOps is docs/gitops.md in a namespace whose template has components: a
// notification decides nothing, and the template may change, go and return while runs are
// there.
func testGitOps(t *testing.T) {
	k := kit.New(t, "e2e-gitops")
	applyGitOps(t, k)
	k.AwaitPod(t, "receiver")
	k.CreateAccounts(t)
	notify(t, k)
	t.Run("the template is replaced", func(t *testing.T) { replaceTemplate(t, k) })
	t.Run("the template is deleted", func(t *testing.T) { deleteTemplate(t, k) })
	restoreToTheEnd(t, k)
}

func applyGitOps(t *testing.T, k *kit.Kit) {
	t.Helper()
	k.Apply(t, "gitops", "e2e-failure", k.Namespace)
}

// replaceTemplate replaces the template while a run makes its backup: the tasks that follow,
// and the notification, are those with which the run has begun.
func replaceTemplate(t *testing.T, k *kit.Kit) {
	// The backup waits until the template is another one.
	k.FakePgBackRest(t, kit.Primary, `' backup '*) until [ -e /home/postgres/replaced ]; do sleep 0.2; done; exec /usr/bin/pgbackrest "$@"`)
	name := k.SubmitAs(t, vocab.FormDAG, "cluster=cluster", "repo=repo1", "type=full")
	wait.Until(t, 3*time.Minute, "the backup of "+name+" waits", func() (bool, string) {
		out, err := k.TryExec(t.Context(), kit.Primary, "pgrep", "-f", "/home/postgres/bin/pgbackrest (.* )?backup( |$)")
		return err == nil && out != "", fmt.Sprint(out, err)
	})
	var template wfv1.WorkflowTemplate
	k.Get(t, vocab.DefaultWorkflowTemplate, &template)
	template.Spec.OnExit = ""
	template.Spec.WorkflowMetadata.Labels["team"] = "dba"
	attempts := template.Spec.Arguments.GetParameterByName("attempts")
	stored := attempts.Value.String()
	attempts.Value = wfv1.AnyStringPtr("5")
	if err := k.Client.Update(t.Context(), &template); err != nil {
		t.Fatal(err)
	}
	k.Exec(t, kit.Primary, "touch", "/home/postgres/replaced")

	run, _ := k.AwaitSuccess(t, name)
	k.ProvenBackup(t, run, kit.Primary)
	awaitShown(t, k, name, vocab.ShownProven)
	spec := run.Status.StoredWorkflowSpec
	if got := spec.Arguments.GetParameterByName("attempts"); spec.OnExit != "notify" || got.Value.String() != stored || run.Labels["team"] != "" {
		t.Errorf("the run has begun with the old template, and has onExit %q, attempts %s, labels %v", spec.OnExit, got.Value, run.Labels)
	}
	wantMessages(t, k, name, 1)

	next, _ := k.AwaitSuccess(t, k.SubmitAs(t, vocab.FormDAG, "cluster=cluster", "repo=repo1", "type=incr"))
	if next.Labels["team"] != "dba" || next.Status.StoredWorkflowSpec.OnExit != "" {
		t.Errorf("the next run does not have the new template: %v", next.Labels)
	}
	wantMessages(t, k, next.Name, 0)
	k.FakePgBackRest(t, kit.Primary, "")
}

// deleteTemplate deletes the template and applies the folder again: the Stanza says so,
// and the schedule starts a run that proves a backup.
func deleteTemplate(t *testing.T, k *kit.Kit) {
	template := &wfv1.WorkflowTemplate{ObjectMeta: metav1.ObjectMeta{Name: vocab.DefaultWorkflowTemplate, Namespace: k.Namespace}}
	if err := k.Client.Delete(t.Context(), template); err != nil {
		t.Fatal(err)
	}
	awaitProgrammed(t, k, metav1.ConditionFalse, vocab.ReasonWorkflowTemplateMissing)
	applyGitOps(t, k)
	awaitProgrammed(t, k, metav1.ConditionTrue, vocab.ReasonProgrammed)

	k.PatchCluster(t, `[{"op":"replace","path":"/spec/backup/pgbackrest/repos/0/schedule/full","value":"* * * * *"}]`)
	run := k.AwaitScheduledRun(t, "pgbackrest-cluster-repo1-full")
	k.Suspend(t, true)
	k.AwaitIdle(t)
	k.ProvenBackup(t, run, kit.Primary)
	awaitShown(t, k, run.Name, vocab.ShownProven)
	wantMessages(t, k, run.Name, 1)
	for _, cron := range k.CronWorkflows(t) {
		for _, condition := range cron.Status.Conditions {
			if condition.Status == metav1.ConditionTrue {
				t.Errorf("CronWorkflow %s has %s: %s", cron.Name, condition.Type, condition.Message)
			}
		}
	}
}
