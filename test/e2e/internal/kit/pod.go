// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// AwaitPod waits until a pod is ready.
func (k *Kit) AwaitPod(t testing.TB, name string) {
	t.Helper()
	wait.Until(t, 3*time.Minute, "pod "+name+" ready", func() (bool, string) {
		var pod corev1.Pod
		err := k.TryGet(t.Context(), name, &pod)
		ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		return ready, fmt.Sprintf("%v, %s", err, describePod(&pod))
	})
}

// describePod says why a pod is not ready. For a pod that cannot be scheduled these
// are the scheduler's own words.
func describePod(pod *corev1.Pod) string {
	texts := []string{"phase " + string(pod.Status.Phase)}
	for _, c := range pod.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			texts = append(texts, fmt.Sprintf("%s=%s: %s: %s", c.Type, c.Status, c.Reason, c.Message))
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if !c.Ready {
			texts = append(texts, fmt.Sprintf("container %s: %+v", c.Name, c.State))
		}
	}
	return strings.Join(texts, "; ")
}

// DeletePod deletes a pod that the test made.
func (k *Kit) DeletePod(t testing.TB, name string) {
	t.Helper()
	if err := k.Client.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.Namespace}}); err != nil {
		t.Fatal(err)
	}
}
