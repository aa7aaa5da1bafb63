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
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// slow are the commands of pgBackRest that let each step last until its pod is lost.
var slow = []struct{ step, command string }{{"precheck", "check"}, {"backup", "backup"}, {"expire", "expire"}, {"verify", "verify"}}

// testLostTasks loses the pod of each step of the form dag: another pod continues, and
// the run makes one backup. If no other pod may try, an expire that is lost leaves no
// word: the backup is proven, and the retention counts as failed. A backup that is lost
// so fails the run.
func testLostTasks(t *testing.T) {
	k := kit.New(t, "e2e-lost-tasks")
	k.Apply(t, "failure", "e2e-failure", k.Namespace)
	k.CreateAccounts(t)
	full := []string{"cluster=cluster", "repo=repo1", "type=full", "backoff=1s"}
	want := k.Checksums(t, kit.Primary)
	label := ""
	for _, tc := range slow {
		t.Run(tc.step, func(t *testing.T) {
			name := loseTask(t, k, tc.step, tc.command, append(full, "attempts=3")...)
			run, r := k.AwaitSuccess(t, name)
			if r.Retention == nil || r.Retention.Failed || len(kit.StepNodes(run, tc.step)) != 2 {
				t.Errorf("retention %+v after %d pods, want it applied after 2: %s", r.Retention, len(kit.StepNodes(run, tc.step)), kit.DescribeRun(run))
			}
			label = k.ProvenBackup(t, run, kit.Primary).Label // There is only one.
			k.AwaitBackupReported(t, label)
		})
	}
	t.Run("expire without another pod", func(t *testing.T) {
		name := loseTask(t, k, "expire", "expire", append(full, "attempts=1")...)
		run, r := k.AwaitSuccess(t, name)
		if r.Retention == nil || !r.Retention.Failed {
			t.Errorf("the report hides the lost expire: %+v", r.Retention)
		}
		if task := run.Status.Nodes.FindByDisplayName("expire"); task == nil || !task.Phase.FailedOrError() {
			t.Errorf("the task expire is %+v, must not be green", task)
		}
		k.ProvenBackup(t, run, kit.Primary)
	})
	t.Run("backup without another pod", func(t *testing.T) {
		name := loseTask(t, k, "backup", "backup", append(full, "attempts=1")...)
		if run := k.AwaitRun(t, name); run.Status.Phase == wfv1.WorkflowSucceeded || kit.StepNode(run, "verify") != nil {
			t.Errorf("the backup was lost, and the run is %s", kit.DescribeRun(run))
		}
	})
	k.FakePgBackRest(t, kit.Primary, "")
	k.RestoreAndCompare(t, want, "restored", kit.ExactlyBackup(label)...)
}

// restarted is how long Argo makes a pod that is lost again, without another attempt: 10 s
// after the start of its node.
const restarted = 12 * time.Second

// loseTask submits a run whose steps take their time, and loses the first pod of one.
func loseTask(t *testing.T, k *kit.Kit, step, command string, parameters ...string) string {
	t.Helper()
	k.FakePgBackRest(t, kit.Primary, fmt.Sprintf(`' %s '*) sleep 20; exec /usr/bin/pgbackrest "$@"`, command))
	name := k.SubmitAs(t, vocab.FormDAG, parameters...)
	var lost *corev1.Pod
	wait.Until(t, 2*time.Minute, "the pod of step "+step+" runs", func() (bool, string) {
		var pods corev1.PodList
		err := k.TryList(t.Context(), &pods, kit.PodsOfRun(name))
		for i, pod := range pods.Items {
			running := slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == "main" && c.State.Running != nil })
			if running && time.Since(pod.CreationTimestamp.Time) > restarted && slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return kit.StepOf(c) == step }) {
				lost = &pods.Items[i]
				return true, ""
			}
		}
		return false, fmt.Sprintf("%v, %d pods", err, len(pods.Items))
	})
	if err := k.Client.Delete(t.Context(), lost, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	return name
}
