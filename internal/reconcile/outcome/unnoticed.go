// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// podPatience is how long Argo may take to end a run whose pod has ended. By
	// default it looks 10 s after each change, and two changes may follow each other.
	podPatience = 20 * time.Second
	// resultPatience is how long Argo's own container may take to report what the
	// steps left: it may upload artifacts.
	resultPatience = 2 * time.Minute
)

// Unnoticed is a run that Argo does not continue although its pod has ended.
type Unnoticed struct {
	// PodEnd is when the last step of its pod ended, zero if that is unknown.
	PodEnd time.Time
	// From is when Argo should have noticed, zero if that is unknown.
	From time.Time
	// Touch reports whether Argo ends the run when it looks at the Workflow again,
	// which it does after any change of it.
	Touch bool
	// Message says for a person what Argo waits for.
	Message string
}

// FindUnnoticed returns what Argo has not noticed of a run, nil if nothing. Argo
// waits for the WorkflowTaskResult of a pod before it continues, with another attempt,
// with the next task of a DAG, or with the end of the run. So there is at most one pod for
// which it waits, and those before it mean nothing. There are two ways in which it waits
// in vain:
//
//   - The pod has ended without reporting, because its container wait was killed or
//     had no right to. Argo writes down that the pod failed, and does not look again
//     before its next resync, 20 minutes later.
//   - The steps have ended, and the result is gone or refused.
//
// A healthy run passes through both states, too, for the moments until the result of its pod
// is in. When a container of such a pod has no node, as in the forms dag and compact, they
// count from when Argo last wrote the Workflow.
func FindUnnoticed(workflow *wfv1.Workflow) *Unnoticed {
	if !Running(workflow) {
		return nil
	}
	for _, pod := range newestPods(workflow) {
		if pod.TaskResultSynced == nil || *pod.TaskResultSynced {
			continue
		}
		end, over := stepsEnd(workflow, pod)
		switch {
		case pod.Phase.Completed():
			return unnoticed(workflow, end, podPatience, true,
				"A pod of the run has ended, and Argo has not noticed; the operator touches the Workflow so that Argo looks again")
		case over:
			return unnoticed(workflow, end, resultPatience, false,
				"Every step of the run has ended, and Argo waits for the WorkflowTaskResult of its pod; see docs/runbook.md#still-running")
		}
	}
	return nil
}

func unnoticed(workflow *wfv1.Workflow, end time.Time, patience time.Duration, touch bool, message string) *Unnoticed {
	u := &Unnoticed{PodEnd: end, Touch: touch, Message: message}
	if end.IsZero() {
		end = lastWritten(workflow)
	}
	if !end.IsZero() {
		u.From = end.Add(patience)
	}
	return u
}

// Equal reports whether two findings are the same.
func (u *Unnoticed) Equal(other *Unnoticed) bool {
	if u == nil || other == nil {
		return u == other
	}
	return u.Touch == other.Touch && u.PodEnd.Equal(other.PodEnd)
}

// lastWritten is when somebody else than the operator last changed a Workflow, zero if the
// API server does not say.
func lastWritten(workflow *wfv1.Workflow) time.Time {
	var last time.Time
	for _, by := range workflow.ManagedFields {
		if by.Time != nil && by.Manager != vocab.FieldManager && by.Time.After(last) {
			last = by.Time.Time
		}
	}
	return last
}

// stepsEnd returns when the last step of a pod ended, zero if that is unknown, and whether all
// of them have. A pod with one container has no node for it, but the exit code of that, which
// Argo writes down while its own container is still running.
func stepsEnd(workflow *wfv1.Workflow, pod wfv1.NodeStatus) (end time.Time, over bool) {
	for _, node := range workflow.Status.Nodes {
		if node.Type != wfv1.NodeTypeContainer || !strings.HasPrefix(node.Name, pod.Name+".") {
			continue
		}
		if !node.Phase.Completed() {
			return time.Time{}, false
		}
		over = true
		if node.FinishedAt.After(end) {
			end = node.FinishedAt.Time
		}
	}
	return end, over || pod.Outputs != nil && pod.Outputs.ExitCode != nil
}

// show adds to a running run what Argo should have noticed by now.
func (u *Unnoticed) show(run *stanzaflowv1alpha1.RunStatus, now time.Time) {
	if u == nil || now.Before(u.From) {
		return
	}
	run.Message = u.Message
	if !u.PodEnd.IsZero() {
		run.PodEndTime = new(metav1.NewTime(u.PodEnd))
	}
}
