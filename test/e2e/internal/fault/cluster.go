// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// clusterFaults hit what runs Kubernetes, Argo and the operator.
var clusterFaults = []trial.Fault{
	{Name: "drop-exec-stream", What: "the connections of the run's pod to the API server are reset", Moments: trial.DuringRun, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.UntilHit(t, "no connection to reset", func() int {
			reset := 0
			for _, pod := range podsOfRun(t, tr) {
				// Between two commands there may be none.
				if pod.Status.PodIP != "" && program.TryLocalCluster("reset-connections", pod.Status.PodIP, "--within=5s") == nil {
					reset++
				}
			}
			return reset
		})
		return nil
	}},
	restartOf("kubelet"),
	restartOf("containerd"),
	restartOf("kube-apiserver"),
	restartOf("etcd"),
	restartOf("kube-controller-manager"),
	{Name: "restart-workflow-controller", What: "Argo's workflow controller is killed", Moments: trial.Anytime, Alone: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.Hit(tr.World.DeletePods(t, "argo", map[string]string{"app": "workflow-controller"}), "no workflow controller")
		return nil
	}},
	{Name: "restart-operator", What: "the operator is killed", Moments: trial.Anytime, Alone: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.Hit(tr.World.DeletePods(t, kit.System, map[string]string{"app.kubernetes.io/name": "stanzaflow"}), "no operator")
		return nil
	}},
	{Name: "operator-away", What: "there is no operator during the run", Moments: moments(trial.BeforeRun, trial.AtStart, trial.InBackup), Alone: true, Inject: func(t *testing.T, _ *trial.Trial) func() {
		return takeAway(t, kit.System, "deployment/stanzaflow")
	}},
	{Name: "workflow-controller-away", What: "Argo's workflow controller is gone for some seconds", Moments: trial.Anytime, Alone: true, Inject: func(t *testing.T, _ *trial.Trial) func() {
		return takeAway(t, "argo", "deployment/workflow-controller")
	}},
	{Name: "slow-api", What: "the API server answers slowly: it is stopped for most of each second", Moments: trial.Anytime, Alone: true, Inject: func(t *testing.T, _ *trial.Trial) func() {
		program.LocalCluster(t, "slow", "kube-apiserver", "--duty=80", "--period=1s", "--for=20s")
		return nil
	}},
	// Before the run nobody could start it.
	{Name: "api-hangs", What: "the API server does not answer for some seconds", Moments: moments(trial.AtStart, trial.InPrecheck, trial.InBackup, trial.AfterBackup), Alone: true, Inject: func(t *testing.T, _ *trial.Trial) func() {
		program.LocalCluster(t, "signal", "kube-apiserver", "STOP")
		return func() { program.LocalCluster(t, "signal", "kube-apiserver", "CONT") }
	}},
	{Name: "node-not-ready", What: "the kubelet hangs until the node is not ready", Moments: moments(trial.AtStart, trial.InPrecheck, trial.InBackup), Alone: true, Slow: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		program.LocalCluster(t, "signal", "kubelet", "STOP")
		// Kubernetes gives it three minutes here.
		notReady, got := wait.Try(5*time.Minute, func() (bool, string) { return nodeIsNotReady(t, tr.World.Kit) })
		if !notReady {
			t.Errorf("the test is wrong: the node is still ready: %s", got)
		}
		return func() { program.LocalCluster(t, "signal", "kubelet", "CONT") }
	}},
	{Name: "dns-away", What: "CoreDNS is killed", Moments: trial.Anytime, Alone: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.Hit(tr.World.DeletePods(t, "kube-system", map[string]string{"k8s-app": "kube-dns"}), "no CoreDNS")
		return nil
	}},
}

func nodeIsNotReady(t *testing.T, k *kit.Kit) (bool, string) {
	t.Helper()
	var nodes corev1.NodeList
	err := k.Client.List(t.Context(), &nodes)
	for _, node := range nodes.Items {
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
				return true, ""
			}
		}
	}
	return false, fmt.Sprintf("%v, %d nodes", err, len(nodes.Items))
}

// takeAway scales a Deployment to zero, and back.
func takeAway(t *testing.T, namespace, deployment string) (repair func()) {
	t.Helper()
	program.RetryKubectl(t, "scale", "-n", namespace, deployment, "--replicas=0")
	return func() { program.RetryKubectl(t, "scale", "-n", namespace, deployment, "--replicas=1") }
}

// restartOf kills a daemon of the node and starts it again.
func restartOf(daemon string) trial.Fault {
	return trial.Fault{Name: "restart-" + daemon, What: daemon + " is killed and started again", Moments: trial.Anytime, Alone: true, Inject: func(t *testing.T, _ *trial.Trial) func() {
		program.LocalCluster(t, "restart", daemon)
		return nil
	}}
}
