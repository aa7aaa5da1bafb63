// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// testArgo4: with Argo 4 in place of 3.7 a schedule fires and its backup is
// proven, and a run by hand, one that fails, one that loses its pod and one that
// is stopped end and are reported as they are with 3.7. It changes what all tests
// use, so it runs by itself.
func testArgo4(t *testing.T) {
	t.Helper()
	k := newKit(t, "e2e-argo4")
	t.Cleanup(func() { localCluster(t, "up") })
	if err := localClusterTry("up", "--for", "argo4"); err != nil {
		t.Fatal(err)
	}
	image := kubectl(t, nil, "get", "deployment", "-n", "argo", "workflow-controller", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	if !strings.Contains(image, ":v4.") {
		t.Fatalf("the test is wrong: the controller is %s", image)
	}
	// The names are what the CRDs of the first releases of Argo 4 refuse.
	k.apply(t, "failure", "e2e-failure", k.namespace, "0 0 1 1 *", "0-59 * * jan-dec sun-sat")
	k.podReady(t, primary)
	k.proven(t, k.scheduled(t, seedFull), primary)
	k.suspend(t, true)
	k.idle(t)

	full := []string{"cluster=cluster", "repo=repo1", "type=full", "attempts=1"}
	byHand := k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	if byHand.Backup.Type != "incr" {
		t.Errorf("the run by hand made %+v, want an incr", byHand.Backup)
	}

	k.pretend(t, `backup) echo "P00  ERROR: [062]: stop file exists for stanza db" >&2; exit 62`)
	failed := k.failed(t, "backup", "[062]", "exit code 20", full...)
	k.reportedAs(t, failed.Name, stanzaflowv1alpha1.RunFailed, vocab.ReasonLastRunFailed)

	k.psql(t, primary, "postgres", `CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 400000) i`)
	k.pretend(t, `backup) exec /usr/bin/pgbackrest "$@" --compress-type=gz --compress-level=9 --process-max=1`)
	lost := k.submit(t, full...)
	k.backupRuns(t)
	if err := k.Delete(t.Context(), k.podOf(t, lost), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	k.succeeded(t, lost)
	k.stopped(t, full...)
}

// stopped: a run that is stopped ends the backup that it began, and the Stanza
// says who ended it.
func (k *kit) stopped(t testing.TB, parameters ...string) {
	t.Helper()
	name := k.submit(t, parameters...)
	k.backupRuns(t)
	kubectl(t, nil, "patch", "workflow", "-n", k.namespace, name, "--type=merge", "-p", `{"spec":{"shutdown":"Stop"}}`)
	if workflow := k.finished(t, name); workflow.Status.Phase != wfv1.WorkflowFailed {
		t.Errorf("the run that was stopped is %s", describe(workflow))
	}
	k.reportedAs(t, name, stanzaflowv1alpha1.RunFailed, vocab.ReasonLastRunFailed)
	if message := k.stanza(t, "cluster").Status.LastRun.Message; !strings.Contains(message, "the run was stopped (argo stop)") {
		t.Errorf("the Stanza says of the run that was stopped: %s", message)
	}
	eventually(t, minute, "no backup runs", func() (bool, string) {
		sessions := k.psql(t, primary, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'")
		return sessions == "0", fmt.Sprintf("%s sessions of pgBackRest", sessions)
	})
}
