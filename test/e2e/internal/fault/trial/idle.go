// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// mayIdle is how soon after the end of its pod a run must be over, or have another pod.
const mayIdle = time.Minute

// The backoff between two pods, as in the WorkflowTemplate: of a run in the form pod, and
// of a step in the form dag, where it is a parameter.
const (
	podBackoff    = 10 * time.Second
	stepBackoff   = 3 * time.Second
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
	begun, tries := progress(workflow)
	first := podBackoff
	if workflow.Spec.Entrypoint == vocab.EntrypointBackupDAG {
		first = stepBackoff
	}
	i.note(now, alive, begun, backoffAfter(first, tries))
}

// note notes whether a run has a pod that is alive, whether it has begun, and how long
// Argo may wait before the next pod. Before its first pod the run waits for its lock.
func (i *idleWatch) note(now time.Time, alive, begun bool, backoff time.Duration) {
	switch {
	case !begun:
	case alive, i.lived.IsZero():
		i.lived = now
	default:
		i.longest = max(i.longest, now.Sub(i.lived)-backoff)
	}
}

// progress says whether a run has had a pod, and how many pods have tried what Argo may
// try again: the whole run in the form pod, a step in the form dag.
func progress(workflow *wfv1.Workflow) (begun bool, tries int) {
	for _, node := range workflow.Status.Nodes {
		begun = begun || node.Type == wfv1.NodeTypePod
		if node.Type == wfv1.NodeTypeRetry && !node.Fulfilled() {
			tries = max(tries, len(node.Children))
		}
	}
	return begun, tries
}

// backoffAfter is how long Argo waits before the next try. Between two steps it does not
// wait.
func backoffAfter(first time.Duration, tries int) time.Duration {
	if tries == 0 {
		return 0
	}
	return min(first<<(tries-1), podBackoffCap)
}

// judgeIdle holds how long a run was left lying against what is allowed.
func (r *Result) judgeIdle(idle time.Duration) {
	r.Idle = idle.Seconds()
	if idle > mayIdle {
		r.Wrong = append(r.Wrong, fmt.Sprintf("the run had no pod for %s, and Argo did not notice", idle.Round(time.Second)))
	}
}
