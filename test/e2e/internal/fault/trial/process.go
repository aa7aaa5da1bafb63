// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// CommandWait is how the command line of Argo's own container of a run begins.
const CommandWait = "argoexec\x00wait\x00"

// CommandStep is how that of a container with a step begins.
const CommandStep = "/var/run/argo/argoexec\x00emissary\x00"

// Signal sends a signal to the processes of the pods that have not ended and whose
// command line has this beginning. It returns how many it has hit.
func (w *World) Signal(t testing.TB, labels map[string]string, commandLine string, signal syscall.Signal) int {
	t.Helper()
	hit := 0
	for _, pod := range w.Pods(t, w.Kit.Namespace, labels) {
		hit += SignalPod(pod, commandLine, signal)
	}
	return hit
}

// SignalPod is Signal for one pod.
func SignalPod(pod corev1.Pod, commandLine string, signal syscall.Signal) int {
	hit := 0
	for _, pid := range Processes(pod, commandLine) {
		if syscall.Kill(pid, signal) == nil {
			hit++
		}
	}
	return hit
}

// Processes returns those of a pod whose command line has this beginning. The node is this
// machine.
func Processes(pod corev1.Pod, commandLine string) []int {
	var found []int
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		line, err := os.ReadFile(file) //nolint:gosec // A file of the kernel.
		if err != nil || !strings.HasPrefix(string(line), commandLine) {
			continue
		}
		cgroup, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cgroup"))
		if err != nil || !strings.Contains(string(cgroup), "pod"+string(pod.UID)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

// holdWait stops Argo's own container beside the last step: otherwise it ends a moment
// after that. At its begin it announces its result, and only then it can be stopped.
func (tr *Trial) holdWait(t *testing.T) (held bool, got string) {
	t.Helper()
	for _, pod := range podsWith(tr.World.Pods(t, tr.World.Kit.Namespace, kit.PodsOfRun(tr.Workflow)), "verify") {
		var announced wfv1.WorkflowTaskResult
		if err := tr.World.Kit.TryGet(t.Context(), pod.Annotations[annotationNodeID], &announced); err != nil {
			return false, err.Error()
		}
		held = SignalPod(pod, CommandWait, syscall.SIGSTOP) > 0 || held
	}
	return held, "no pod with the step verify and a container wait"
}

// annotationNodeID is the node of a pod, and the name of its WorkflowTaskResult.
const annotationNodeID = "workflows.argoproj.io/node-id"

// podsWith returns the pods that have a step.
func podsWith(pods []corev1.Pod, step string) []corev1.Pod {
	return slices.DeleteFunc(pods, func(pod corev1.Pod) bool {
		return !slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return slices.Contains(kit.StepsOf(c), step) })
	})
}

// releaseWait lets it continue, if the fault has not ended it.
func (tr *Trial) releaseWait(t *testing.T) {
	t.Helper()
	tr.World.Signal(t, kit.PodsOfRun(tr.Workflow), CommandWait, syscall.SIGCONT)
}
