// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// podFaults hit the pod of the run.
var podFaults = []trial.Fault{
	{Name: "kill-step-pod", What: "the pod of the run is deleted without grace", Moments: trial.DuringRun, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.UntilHit(t, "no pod of the run", func() int {
			return tr.World.DeletePods(t, tr.World.Kit.Namespace, kit.PodsOfRun(tr.Workflow))
		})
		return nil
	}},
	{Name: "evict-step-pod", What: "the pod of the run is evicted, as when its node is drained", Moments: trial.DuringRun, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.UntilHit(t, "no pod of the run", func() int {
			evicted := 0
			for _, pod := range podsOfRun(t, tr) {
				err := tr.World.Kit.Core.CoreV1().Pods(pod.Namespace).EvictV1(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}})
				evicted += count(err == nil)
			}
			return evicted
		})
		return nil
	}},
	{Name: "kill-step-process", What: "the program of a step gets SIGKILL, as when it is out of memory", Moments: trial.DuringRun, Inject: func(t *testing.T, tr *trial.Trial) func() {
		killInRun(t, tr, "no running step", "/operator\x00step\x00")
		return nil
	}},
	{Name: "kill-step-container", What: "a container of the run ends without an exit code of its step", Moments: trial.DuringRun, Inject: func(t *testing.T, tr *trial.Trial) func() {
		killInRun(t, tr, "no running container", trial.CommandStep)
		return nil
	}},
	{Name: "kill-wait-container", What: "Argo's own container of the run is killed", Moments: trial.DuringRun, Inject: func(t *testing.T, tr *trial.Trial) func() {
		killInRun(t, tr, "no container wait", trial.CommandWait)
		return nil
	}},
	{Name: "stop-workflow", What: "argo stop", Moments: trial.DuringRun, Cancels: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		shutDown(t, tr, "Stop")
		return nil
	}},
	{Name: "terminate-workflow", What: "argo terminate", Moments: trial.DuringRun, Cancels: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		shutDown(t, tr, "Terminate")
		return nil
	}},
}

func podsOfRun(t *testing.T, tr *trial.Trial) []corev1.Pod {
	t.Helper()
	return tr.World.Pods(t, tr.World.Kit.Namespace, kit.PodsOfRun(tr.Workflow))
}

func shutDown(t *testing.T, tr *trial.Trial, strategy string) {
	t.Helper()
	kubectl(t, tr, "patch", "workflow", tr.Workflow, "--type=merge", "-p", `{"spec":{"shutdown":"`+strategy+`"}}`)
}

// killInRun kills processes of the pod of the run until it hits one.
func killInRun(t *testing.T, tr *trial.Trial, miss, commandLine string) {
	t.Helper()
	tr.UntilHit(t, miss, func() int { return killInPods(t, tr, kit.PodsOfRun(tr.Workflow), commandLine) })
}

// killInPods sends SIGKILL to the processes of these pods whose command line has this
// beginning.
func killInPods(t *testing.T, tr *trial.Trial, labels map[string]string, commandLine string) int {
	t.Helper()
	return tr.World.Signal(t, labels, commandLine, syscall.SIGKILL)
}
