// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// mayIdle is how soon after the end of its pod a run must be over, or have another pod.
const mayIdle = time.Minute

// The backoff between two pods of a run, as in the WorkflowTemplate.
const (
	podBackoff    = 10 * time.Second
	podBackoffCap = 5 * time.Minute
)

// idleWatch measures how long a run has no pod although Argo calls it Running.
type idleWatch struct {
	longest time.Duration
	// lived is when the run last had a pod, zero before its first one.
	lived time.Time
}

// look looks at a run. What cannot be read counts as alive.
func (i *idleWatch) look(t testing.TB, w *World, workflow *wfv1.Workflow, now time.Time) {
	t.Helper()
	var pods corev1.PodList
	err := w.Kit.TryList(t.Context(), &pods, kit.PodsOfRun(workflow.Name))
	alive := err != nil || workflow.Name == ""
	for _, pod := range pods.Items {
		alive = alive || pod.Status.Phase == corev1.PodRunning || pod.Status.Phase == corev1.PodPending
	}
	i.note(now, alive, countPods(workflow))
}

// note notes whether the newest of a run's pods is alive. Before the first one the run
// waits for its lock.
func (i *idleWatch) note(now time.Time, alive bool, pods int) {
	switch {
	case pods == 0:
	case alive, i.lived.IsZero():
		i.lived = now
	default:
		i.longest = max(i.longest, now.Sub(i.lived)-backoffAfter(pods))
	}
}

func countPods(workflow *wfv1.Workflow) int {
	n := 0
	for _, node := range workflow.Status.Nodes {
		n += count(node.Type == wfv1.NodeTypePod)
	}
	return n
}

// backoffAfter is how long Argo waits before the next pod.
func backoffAfter(pods int) time.Duration {
	return min(podBackoff<<(pods-1), podBackoffCap)
}

// judgeIdle holds how long a run was left lying against what is allowed.
func (r *Result) judgeIdle(idle time.Duration) {
	r.Idle = idle.Seconds()
	if idle > mayIdle {
		r.Wrong = append(r.Wrong, fmt.Sprintf("the run had no pod for %s, and Argo did not notice", idle.Round(time.Second)))
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
