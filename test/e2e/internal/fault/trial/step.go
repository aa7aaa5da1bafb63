// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"fmt"
	"slices"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// StepEnded says whether a step of the run has ended, in any attempt.
func (tr *Trial) StepEnded(t *testing.T, step string) (bool, string) {
	t.Helper()
	return tr.findStep(t, step, func(_, ended bool) bool { return ended })
}

// stepBegun says whether a step of the run has begun, in any attempt. All containers of the
// form pod run from the begin, and wait for each other.
func (tr *Trial) stepBegun(t *testing.T, step string) (bool, string) {
	t.Helper()
	return tr.findStep(t, step, func(begun, _ bool) bool { return begun })
}

func (tr *Trial) findStep(t *testing.T, step string, is func(begun, ended bool) bool) (bool, string) {
	t.Helper()
	var pods corev1.PodList
	err := tr.World.Kit.TryList(t.Context(), &pods, kit.PodsOfRun(tr.Workflow))
	for _, pod := range pods.Items {
		for _, c := range pod.Spec.Containers {
			if !slices.Contains(kit.StepsOf(c), step) {
				continue
			}
			var begun, ended bool
			if begun, ended, err = tr.World.stepState(t, pod, c, step); is(begun, ended) {
				return true, ""
			}
		}
	}
	return false, fmt.Sprintf("%v, %d pods", err, len(pods.Items))
}

// stepState says whether a step has begun and ended in a container that does it. Kubernetes
// knows when the container did. If that does several steps, its log says which have begun.
func (w *World) stepState(t testing.TB, pod corev1.Pod, container corev1.Container, step string) (begun, ended bool, err error) {
	t.Helper()
	i := slices.IndexFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == container.Name })
	if i < 0 || pod.Status.ContainerStatuses[i].State.Waiting != nil {
		return false, false, nil
	}
	ended = pod.Status.ContainerStatuses[i].State.Terminated != nil
	if len(kit.StepsOf(container)) == 1 {
		return true, ended, nil
	}
	log, err := w.log(t, pod.Name, &corev1.PodLogOptions{Container: container.Name})
	if err != nil {
		return false, false, err
	}
	steps := kit.StepsBegun(log)
	if !slices.Contains(steps, step) {
		return false, false, nil
	}
	return true, ended || steps[len(steps)-1] != step, nil
}

// succeeded says whether a step of a run that is over has succeeded, in any attempt.
// In the form compact Argo does not know: there a step has if the next one has begun.
func (w *World) succeeded(t testing.TB, workflow *wfv1.Workflow, step string) (succeeded bool) {
	t.Helper()
	node := kit.StepNode(workflow, step)
	if node == nil || node.Phase == wfv1.NodeSucceeded || vocab.FormAt(workflow.Spec.Entrypoint) != vocab.FormCompact {
		return node != nil && node.Phase == wfv1.NodeSucceeded
	}
	wait.Retry(t, "the log of "+workflow.Name+" is read", func() error {
		var pods corev1.PodList
		if err := w.Kit.TryList(t.Context(), &pods, kit.PodsOfRun(workflow.Name)); err != nil {
			return err
		}
		succeeded = false
		for _, pod := range podsWith(pods.Items, step) {
			for _, c := range pod.Spec.Containers {
				steps := kit.StepsOf(c)
				next := slices.Index(steps, step) + 1
				if next == 0 || next == len(steps) {
					continue
				}
				begun, _, err := w.stepState(t, pod, c, steps[next])
				if err != nil {
					return err
				}
				succeeded = succeeded || begun
			}
		}
		return nil
	})
	return succeeded
}
