// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// podFaults hit the pod of the run.
var podFaults = []fault{
	{name: "kill-step-pod", what: "the pod of the run is deleted without grace", moments: whileItRuns, inject: func(tr *trial) func() {
		tr.insistOn("no pod of the run", func() int { return tr.deletePods(tr.t, tr.namespace, tr.ofTheRun(), 0) })
		return nil
	}},
	{name: "evict-step-pod", what: "the pod of the run is evicted, as when its node is drained", moments: whileItRuns, inject: func(tr *trial) func() {
		tr.insistOn("no pod of the run", func() int {
			evicted := 0
			for _, pod := range tr.pods(tr.t, tr.namespace, tr.ofTheRun()) {
				err := tr.core.CoreV1().Pods(tr.namespace).EvictV1(tr.t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: tr.namespace}})
				if err == nil {
					evicted++
				}
			}
			return evicted
		})
		return nil
	}},
	{name: "kill-step-process", what: "the program of a step gets SIGKILL, as when it is out of memory", moments: whileItRuns, inject: func(tr *trial) func() {
		tr.insistOn("no step at work", func() int { return tr.killInPods(tr.ofTheRun(), "/operator\x00step\x00") })
		return nil
	}},
	{name: "kill-step-container", what: "a container of the run ends without an exit code of its step", moments: whileItRuns, inject: func(tr *trial) func() {
		tr.insistOn("no container at work", func() int { return tr.killInPods(tr.ofTheRun(), "/var/run/argo/argoexec\x00emissary\x00") })
		return nil
	}},
	{name: "kill-wait-container", what: "Argo's own container of the run is killed", moments: whileItRuns, inject: func(tr *trial) func() {
		tr.insistOn("no container wait", func() int { return tr.killInPods(tr.ofTheRun(), "argoexec\x00wait\x00") })
		return nil
	}},
	{name: "stop-workflow", what: "argo stop", moments: whileItRuns, cancels: true, inject: func(tr *trial) func() { return tr.shutdown("Stop") }},
	{name: "terminate-workflow", what: "argo terminate", moments: whileItRuns, cancels: true, inject: func(tr *trial) func() { return tr.shutdown("Terminate") }},
}

// ofTheRun selects the pods of the run.
func (tr *trial) ofTheRun() map[string]string {
	return map[string]string{"workflows.argoproj.io/workflow": tr.workflow}
}

func (tr *trial) shutdown(strategy string) func() {
	kubectlSoon(tr.t, "patch", "workflow", "-n", tr.namespace, tr.workflow, "--type=merge", "-p", `{"spec":{"shutdown":"`+strategy+`"}}`)
	return nil
}

// pods that are not over.
func (k *kit) pods(t testing.TB, namespace string, labels map[string]string) []corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	insist(t, "pods are listed", func() error {
		return k.List(t.Context(), &pods, client.InNamespace(namespace), client.MatchingLabels(labels))
	})
	return slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool {
		return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	})
}

// deletePods takes away what is there now, and says how many that was.
func (k *kit) deletePods(t testing.TB, namespace string, labels map[string]string, grace int64) int {
	t.Helper()
	pods := k.pods(t, namespace, labels)
	for _, pod := range pods {
		insist(t, "pod "+pod.Name+" is deleted", func() error {
			return client.IgnoreNotFound(k.Delete(t.Context(), &pod, client.GracePeriodSeconds(grace), client.Preconditions{UID: &pod.UID}))
		})
	}
	return len(pods)
}

// killInPods sends SIGKILL to the processes of these pods whose command line
// begins so. The node is this machine.
func (tr *trial) killInPods(labels map[string]string, commandLine string) int {
	killed := 0
	for _, pod := range tr.pods(tr.t, tr.namespace, labels) {
		killed += killInPod(pod, commandLine)
	}
	return killed
}

func killInPod(pod corev1.Pod, commandLine string) int {
	killed := 0
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		line, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(line), commandLine) {
			continue
		}
		cgroup, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cgroup"))
		if err != nil || !strings.Contains(string(cgroup), "pod"+string(pod.UID)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// kubectlSoon is kubectl that bears an API server that is down for a while.
func kubectlSoon(t testing.TB, args ...string) {
	t.Helper()
	insist(t, "kubectl "+strings.Join(args, " "), func() error {
		if out, err := kubectlTry(t.Context(), nil, args...); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}
