// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/argoui"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testArgoRetry checks what the form dag is for: each attempt is a node that says why it
// failed, a retention that failed is red although the backup is proven, and the button
// RETRY continues at the step that failed.
func testArgoRetry(t *testing.T) {
	k := kit.New(t, "e2e-argo-retry")
	k.Apply(t, "failure", "e2e-failure", k.Namespace)
	k.CreateAccounts(t)
	t.Run("a person repairs, and verify continues", func(t *testing.T) { retryVerify(t, k, storeIsBroken, 1) })
	k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance * 2 WHERE id % 5 = 0")
	t.Run("all attempts are used up, and verify continues", func(t *testing.T) { retryVerify(t, k, storeIsDown, 2) })
	t.Run("retention fails", func(t *testing.T) { failRetention(t, k) })
}

// broken is what pgBackRest says of a store, and what people read of that.
type broken struct{ error, message, code string }

var (
	// A person must act, so there is no second attempt.
	storeIsBroken = broken{"P00  ERROR: [041]: unable to open file '/backup/db/backup.info' for read: [5] Input/output error", "[041]", "exit code 20"}
	// This may pass.
	storeIsDown = broken{"P00  ERROR: [049]: unable to connect to 'object-store:9000': [111] Connection refused", "[049]", "exit code 30"}
)

// retryVerify lets the store break when the backup is made, so that verify fails. Argo's
// retry after the repair proves the backup that is there.
func retryVerify(t *testing.T, k *kit.Kit, store broken, attempts int) {
	t.Helper()
	k.FakePgBackRest(t, kit.Primary, fmt.Sprintf(`' verify '*) echo "%s" >&2; exit %s`, store.error, strings.Trim(store.message, "[0]")))
	want := k.Checksums(t, kit.Primary)
	name := k.SubmitAs(t, vocab.FormDAG, "cluster=cluster", "repo=repo1", "type=full", "attempts=2", "backoff=2s")
	failed := k.AwaitRun(t, name)
	if failed.Status.Phase != wfv1.WorkflowFailed {
		t.Fatalf("the store is broken, and the run is %s: %s", failed.Status.Phase, kit.DescribeRun(failed))
	}
	tried := kit.StepNodes(failed, "verify")
	if len(tried) != attempts {
		t.Errorf("verify has %d attempts, want %d: %s", len(tried), attempts, kit.DescribeRun(failed))
	}
	for _, node := range tried {
		wantMessage(t, node, wfv1.NodeFailed, store.message)
	}
	if node := kit.StepNode(failed, "verify"); node != nil {
		wantMessage(t, *node, wfv1.NodeFailed, store.code)
	}
	if made := kit.OfRun(k.Backups(t, kit.Primary), failed); len(made) != 1 {
		t.Fatalf("the run has made %d backups, want one that is not proven", len(made))
	}
	k.AwaitReportedAs(t, name, stanzaflowv1alpha1.RunFailed, vocab.ReasonLastRunFailed)
	awaitShown(t, k, name, vocab.ShownFailed)

	k.FakePgBackRest(t, kit.Primary, "")
	pressRetry(t, k, name)
	run, r := k.AwaitSuccess(t, name)
	if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup == nil {
		t.Errorf("the report after the retry is %+v", r)
	}
	for _, step := range []string{"precheck", "backup", "expire"} {
		if diff := cmp.Diff(kit.StepNodes(failed, step), kit.StepNodes(run, step)); diff != "" {
			t.Errorf("the retry has changed step %s (-before +after):\n%s", step, diff)
		}
	}
	backup := k.ProvenBackup(t, run, kit.Primary) // There is only one.
	k.AwaitBackupReported(t, backup.Label)
	awaitShown(t, k, name, vocab.ShownProven)
	k.RestoreAndCompare(t, want, "restored", kit.ExactlyBackup(backup.Label)...)
}

// failRetention lets expire fail: its node is red, and the run proves its backup.
func failRetention(t *testing.T, k *kit.Kit) {
	t.Helper()
	k.FakePgBackRest(t, kit.Primary, `' expire '*) echo "P00  ERROR: [055]: unable to load info file" >&2; exit 55`)
	name := k.SubmitAs(t, vocab.FormDAG, "cluster=cluster", "repo=repo1", "type=full", "attempts=1")
	run, r := k.AwaitSuccess(t, name)
	if r.Retention == nil || !r.Retention.Failed || r.Retention.Code != 55 {
		t.Errorf("the report hides the failed expire: %+v", r.Retention)
	}
	node := kit.StepNode(run, "expire")
	if node == nil {
		t.Fatalf("there is no node of step expire: %s", kit.DescribeRun(run))
	}
	wantMessage(t, *node, wfv1.NodeFailed, "[055]")
	// What the graph shows of the task.
	if task := run.Status.Nodes.FindByDisplayName("expire"); task == nil || task.Phase != wfv1.NodeFailed {
		t.Errorf("the task expire is %+v, must not be green", task)
	}
	backup := k.ProvenBackup(t, run, kit.Primary)
	k.AwaitReportedAs(t, name, stanzaflowv1alpha1.RunSucceeded, vocab.ReasonRetentionFailed)
	awaitShown(t, k, name, vocab.ShownProven)
	k.FakePgBackRest(t, kit.Primary, "")
	k.RestoreAndCompare(t, k.Checksums(t, kit.Primary), "restored", kit.ExactlyBackup(backup.Label)...)
}

// pressRetry does what the button RETRY and argo retry do. Argo refuses it with 409 if the
// Workflow changes in the same moment, as when the operator shows how it has ended. A person
// then presses the button again.
func pressRetry(t *testing.T, k *kit.Kit, name string) {
	t.Helper()
	ui, err := argoui.Find(t.Context(), k.Client)
	if err != nil {
		t.Fatal(err)
	}
	wait.Until(t, time.Minute, "Argo retries run "+name, func() (bool, string) {
		_, err := ui.Press(t.Context(), "retry", k.Namespace, name)
		if err != nil && !strings.Contains(err.Error(), "409 Conflict") {
			t.Fatalf("Argo retries nothing: %v", err)
		}
		return err == nil, fmt.Sprint(err)
	})
}

func wantMessage(t *testing.T, node wfv1.NodeStatus, phase wfv1.NodePhase, message string) {
	t.Helper()
	if node.Phase != phase || !strings.Contains(node.Message, message) {
		t.Errorf("node %s is %s with message %q, must be %s with %q", node.DisplayName, node.Phase, node.Message, phase, message)
	}
}

// awaitShown waits until Argo's list of Workflows shows the result.
func awaitShown(t *testing.T, k *kit.Kit, name string, want vocab.ShownResult) {
	t.Helper()
	wait.Until(t, time.Minute, name+" is shown as "+string(want), func() (bool, string) {
		var run wfv1.Workflow
		err := k.TryGet(t.Context(), name, &run)
		return run.Labels[vocab.LabelResult] == string(want), fmt.Sprintf("%v %v", err, run.Labels)
	})
}
