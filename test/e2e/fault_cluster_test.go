// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// clusterFaults hit what runs Kubernetes, Argo and the operator.
var clusterFaults = []fault{
	{name: "drop-exec-stream", what: "the connections of the run's pod to the API server are reset", moments: whileItRuns, inject: func(tr *trial) func() {
		tr.insistOn("no connection to reset", func() int {
			reset := 0
			for _, pod := range tr.pods(tr.t, tr.namespace, tr.ofTheRun()) {
				// Between two commands there may be none.
				if pod.Status.PodIP != "" && localClusterTry("reset-connections", pod.Status.PodIP, "--within=5s") == nil {
					reset++
				}
			}
			return reset
		})
		return nil
	}},
	restarts("kubelet"),
	restarts("containerd"),
	restarts("kube-apiserver"),
	restarts("etcd"),
	restarts("kube-controller-manager"),
	{name: "restart-workflow-controller", what: "Argo's workflow controller is killed", moments: anytime, alone: true, inject: func(tr *trial) func() {
		tr.hit(tr.deletePods(tr.t, "argo", map[string]string{"app": "workflow-controller"}, 0), "no workflow controller")
		return nil
	}},
	{name: "restart-operator", what: "the operator is killed", moments: anytime, alone: true, inject: func(tr *trial) func() {
		tr.hit(tr.deletePods(tr.t, "stanzaflow-system", map[string]string{"app.kubernetes.io/name": "stanzaflow"}, 0), "no operator")
		return nil
	}},
	{name: "operator-away", what: "there is no operator while the run goes on", moments: []moment{beforeTheRun, atOnce, inBackup}, alone: true, inject: func(tr *trial) func() {
		kubectlSoon(tr.t, "scale", "-n", "stanzaflow-system", "deployment/stanzaflow", "--replicas=0")
		return func() {
			kubectlSoon(tr.t, "scale", "-n", "stanzaflow-system", "deployment/stanzaflow", "--replicas=1")
		}
	}},
	{name: "workflow-controller-away", what: "Argo's workflow controller is gone for some seconds", moments: anytime, alone: true, inject: func(tr *trial) func() {
		kubectlSoon(tr.t, "scale", "-n", "argo", "deployment/workflow-controller", "--replicas=0")
		return func() {
			kubectlSoon(tr.t, "scale", "-n", "argo", "deployment/workflow-controller", "--replicas=1")
		}
	}},
	{name: "slow-api", what: "the API server answers slowly: it is stopped for most of each second", moments: anytime, alone: true, inject: func(tr *trial) func() {
		localCluster(tr.t, "slow", "kube-apiserver", "--duty=80", "--period=1s", "--for=20s")
		return nil
	}},
	{name: "api-hangs", what: "the API server does not answer for some seconds", moments: anytime, alone: true, inject: func(tr *trial) func() {
		localCluster(tr.t, "signal", "kube-apiserver", "STOP")
		return func() { localCluster(tr.t, "signal", "kube-apiserver", "CONT") }
	}},
	{name: "node-not-ready", what: "the kubelet hangs until the node is not ready", moments: []moment{atOnce, inPrecheck, inBackup}, alone: true, slow: true, inject: func(tr *trial) func() {
		localCluster(tr.t, "signal", "kubelet", "STOP")
		// Kubernetes gives it three minutes here.
		notReady, got := soon(5*minute, func() (bool, string) {
			var nodes corev1.NodeList
			err := tr.List(tr.t.Context(), &nodes)
			for _, node := range nodes.Items {
				for _, c := range node.Status.Conditions {
					if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
						return true, ""
					}
				}
			}
			return false, describeError(err)
		})
		if !notReady {
			tr.t.Errorf("the test is wrong: the node is still ready: %s", got)
		}
		return func() { localCluster(tr.t, "signal", "kubelet", "CONT") }
	}},
	{name: "dns-away", what: "CoreDNS is killed", moments: anytime, alone: true, inject: func(tr *trial) func() {
		tr.hit(tr.deletePods(tr.t, "kube-system", map[string]string{"k8s-app": "kube-dns"}, 0), "no CoreDNS")
		return nil
	}},
}

func describeError(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// restarts kills a daemon of the node and starts it again.
func restarts(daemon string) fault {
	return fault{name: "restart-" + daemon, what: daemon + " is killed and started again", moments: anytime, alone: true, inject: func(tr *trial) func() {
		localCluster(tr.t, "restart", daemon)
		return nil
	}}
}

// localCluster runs the program that made the cluster.
func localCluster(t testing.TB, args ...string) {
	t.Helper()
	if err := localClusterTry(args...); err != nil {
		t.Error(err)
	}
}

func localClusterTry(args ...string) error {
	program := os.Getenv("CLUSTER")
	if program == "" {
		return errors.New("CLUSTER must name the program of the local cluster: run make faults")
	}
	// Not in the context of the test: what mends must run to its end.
	out, err := exec.Command(program, args...).CombinedOutput() //nolint:noctx // see above
	if err != nil {
		return fmt.Errorf("cluster %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
