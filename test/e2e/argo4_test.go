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
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testArgo4 replaces Argo 3.7 with Argo 4: a schedule fires and its backup is proven. A
// run by hand, one that fails, one that loses its pod and one that is stopped end and
// are reported as with 3.7. The story changes what all tests use, so it runs alone.
func testArgo4(t *testing.T) {
	k := kit.New(t, "e2e-argo4")
	t.Cleanup(func() { program.LocalCluster(t, "up") })
	if err := program.TryLocalCluster("up", "--for", "argo4"); err != nil {
		t.Fatal(err)
	}
	image := program.Kubectl(t, "get", "deployment", "-n", "argo", "workflow-controller", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	if !strings.Contains(image, ":v4.") {
		t.Fatalf("the test is wrong: the controller is %s", image)
	}
	// The CRDs of the first releases of Argo 4 reject names in a schedule.
	k.Apply(t, "failure", "e2e-failure", k.Namespace, "0 0 1 1 *", "0-59 * * jan-dec sun-sat")
	k.ProvenBackup(t, k.AwaitScheduledRun(t, seedFull), kit.Primary)
	k.Suspend(t, true)
	k.AwaitIdle(t)

	full := []string{"cluster=cluster", "repo=repo1", "type=full", "attempts=1"}
	_, byHand := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	if byHand.Backup.Type != "incr" {
		t.Errorf("the run by hand made %+v, want an incr", byHand.Backup)
	}

	k.FakePgBackRest(t, kit.Primary, `' backup '*) echo "P00  ERROR: [062]: stop file exists for stanza db" >&2; exit 62`)
	failed := awaitFailure(t, k, "backup", "[062]", "exit code 20", full...)
	k.AwaitReportedAs(t, failed.Name, stanzaflowv1alpha1.RunFailed, vocab.ReasonLastRunFailed)

	k.PSQL(t, kit.Primary, `CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 400000) i`)
	k.FakePgBackRest(t, kit.Primary, `' backup '*) exec /usr/bin/pgbackrest "$@" --compress-type=gz --compress-level=9 --process-max=1`)
	lost := k.Submit(t, full...)
	k.AwaitBackingUp(t)
	if err := k.Client.Delete(t.Context(), k.PodOfRun(t, lost), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	k.AwaitSuccess(t, lost)
	stopRun(t, k, full...)
}

// stopRun stops a run: it ends the backup that it began, and the Stanza says who
// stopped it.
func stopRun(t testing.TB, k *kit.Kit, parameters ...string) {
	t.Helper()
	name := k.Submit(t, parameters...)
	k.AwaitBackingUp(t)
	program.Kubectl(t, "patch", "workflow", "-n", k.Namespace, name, "--type=merge", "-p", `{"spec":{"shutdown":"Stop"}}`)
	if workflow := k.AwaitRun(t, name); workflow.Status.Phase != wfv1.WorkflowFailed {
		t.Errorf("the run that was stopped is %s", kit.DescribeRun(workflow))
	}
	k.AwaitReportedAs(t, name, stanzaflowv1alpha1.RunFailed, vocab.ReasonLastRunFailed)
	if message := k.Stanza(t).Status.LastRun.Message; !strings.Contains(message, "the run was stopped (argo stop)") {
		t.Errorf("the Stanza says of the run that was stopped: %s", message)
	}
	wait.Until(t, time.Minute, "no backup is running", func() (bool, string) {
		sessions := k.PSQL(t, kit.Primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'")
		return sessions == "0", fmt.Sprintf("%s sessions of pgBackRest", sessions)
	})
}
