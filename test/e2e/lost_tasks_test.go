// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// slow lets a step last until its pod is lost, by the command of pgBackRest that it waits
// for. A backup that only sleeps would have no session yet.
var slow = map[string]string{
	"precheck": `' check '*) sleep 5; exec /usr/bin/pgbackrest "$@"`,
	"backup":   `' backup '*) exec /usr/bin/pgbackrest "$@" --compress-type=gz --compress-level=9 --process-max=1`,
	"expire":   `' expire '*) sleep 5; exec /usr/bin/pgbackrest "$@"`,
	"verify":   `' verify '*) sleep 5; exec /usr/bin/pgbackrest "$@"`,
}

// testLostTasks loses the pod of each step of the form dag, with all that it could say:
// another pod continues, and the run makes one backup. If no other pod may try, the backup
// is proven without a word of expire, and the retention counts as failed; without a word
// of backup the run fails.
func testLostTasks(t *testing.T) {
	k := kit.New(t, "e2e-lost-tasks")
	k.Apply(t, "failure", "e2e-failure", k.Namespace)
	k.PSQL(t, kit.Primary, `CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 400000) i`)
	k.CreateAccounts(t)
	full := []string{"cluster=cluster", "repo=repo1", "type=full", "backoff=1s"}
	want := k.Checksums(t, kit.Primary)
	label := ""
	for _, step := range []string{"precheck", "backup", "expire", "verify"} {
		t.Run(step, func(t *testing.T) {
			run, r := k.AwaitSuccess(t, loseTask(t, k, step, append(full, "attempts=3")...))
			if tried := kit.StepNodes(run, step); r.Retention == nil || r.Retention.Failed || len(tried) != 2 {
				t.Errorf("retention %+v after %d pods of %s, want it applied after 2: %s", r.Retention, len(tried), step, kit.DescribeRun(run))
			}
			label = k.ProvenBackup(t, run, kit.Primary).Label // There is only one.
			k.AwaitBackupReported(t, label)
		})
	}
	t.Run("expire without another pod", func(t *testing.T) {
		run, r := k.AwaitSuccess(t, loseTask(t, k, "expire", append(full, "attempts=1")...))
		if r.Retention == nil || !strings.Contains(r.Retention.Message, "its pod was lost") {
			t.Errorf("the report hides the lost expire: %+v", r.Retention)
		}
		if task := run.Status.Nodes.FindByDisplayName("expire"); task == nil || !task.Phase.FailedOrError() {
			t.Errorf("the task expire is %+v, must not be green", task)
		}
		label = k.ProvenBackup(t, run, kit.Primary).Label
		k.AwaitReportedAs(t, run.Name, stanzaflowv1alpha1.RunSucceeded, vocab.ReasonRetentionFailed)
	})
	t.Run("backup without another pod", func(t *testing.T) {
		if run := k.AwaitRun(t, loseTask(t, k, "backup", append(full, "attempts=1")...)); run.Status.Phase != wfv1.WorkflowFailed || kit.StepNode(run, "verify") != nil {
			t.Errorf("the backup was lost, and the run is %s", kit.DescribeRun(run))
		}
	})
	k.FakePgBackRest(t, kit.Primary, "")
	k.RestoreAndCompare(t, want, "restored", kit.ExactlyBackup(label)...)
}

// loseTask submits a run, and kills the first pod of a step when that is waiting for
// pgBackRest. Argo's own container goes first, so that nothing is reported.
func loseTask(t *testing.T, k *kit.Kit, step string, parameters ...string) string {
	t.Helper()
	k.FakePgBackRest(t, kit.Primary, slow[step])
	name := k.SubmitAs(t, vocab.FormDAG, parameters...)
	if step == "backup" {
		k.AwaitBackingUp(t)
	}
	var lost *corev1.Pod
	wait.Until(t, 2*time.Minute, "the pod of step "+step+" runs", func() (bool, string) {
		var pods corev1.PodList
		err := k.TryList(t.Context(), &pods, kit.PodsOfRun(name))
		for i, pod := range pods.Items {
			running := slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == "main" && c.State.Running != nil })
			if running && slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return slices.Contains(kit.StepsOf(c), step) }) {
				lost = &pods.Items[i]
				return true, ""
			}
		}
		return false, fmt.Sprintf("%v, %d pods", err, len(pods.Items))
	})
	for _, command := range []string{trial.CommandWait, trial.CommandStep} {
		wait.Until(t, time.Minute, "a process of "+lost.Name+" is killed", func() (bool, string) {
			return trial.SignalPod(*lost, command, syscall.SIGKILL) > 0, command
		})
	}
	return name
}
