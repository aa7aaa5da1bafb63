// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// startPatience is how long the pod of a drill may take to start: a node may have to come,
// and a volume and an image.
const startPatience = 15 * time.Minute

// neverStarted begins the message of a drill whose pod does not start. It does not say how
// long it has been so by now: the status would be written again and again.
const neverStarted = "the pod was Pending for 15 minutes"

// Pending is a pod of a drill that has not started yet.
type Pending struct {
	// From is when a person should look at it.
	From time.Time
	// Message says why, as far as Argo knows it.
	Message string
}

// FindPending returns the pod of a drill that has not started yet, nil if there is none. A
// backup needs no volume of its own and no room for a database, so only a drill is looked
// at. What waits for a lock has no pod.
func FindPending(workflow *wfv1.Workflow) *Pending {
	if !Running(workflow) || KindOf(workflow) != vocab.RunDrill {
		return nil
	}
	for _, pod := range newestPods(workflow) {
		waits := pod.SynchronizationStatus != nil && pod.SynchronizationStatus.Waiting != ""
		if pod.Phase == wfv1.NodePending && !waits && !pod.StartedAt.IsZero() {
			return &Pending{From: pod.StartedAt.Add(startPatience), Message: pendingText(pod.Message)}
		}
	}
	return nil
}

// pendingText says what a person should do. Argo has the reason of the scheduler, of a
// quota, or of the kubelet.
func pendingText(reason string) string {
	const advice = ": quota, StorageClass or node; its events say more"
	reason = strings.TrimRight(strings.Join(strings.Fields(reason), " "), ". ")
	if reason == "" {
		return neverStarted + advice
	}
	const bound = report.MaxMessage - len(neverStarted) - len(": ") - len(advice)
	if len(reason) > bound {
		reason = strings.ToValidUTF8(reason[:bound-len("…")], "") + "…"
	}
	return neverStarted + ": " + reason + advice
}

// Equal reports whether two findings are the same.
func (p *Pending) Equal(other *Pending) bool {
	if p == nil || other == nil {
		return p == other
	}
	return p.Message == other.Message && p.From.Equal(other.From)
}

// show adds to a drill that its pod should have started by now, and returns when to look
// again, zero if that is not needed: Argo's next change says more.
func (p *Pending) show(run *stanzaflowv1alpha1.RunStatus, now time.Time) time.Time {
	switch {
	case p == nil:
	case now.Before(p.From):
		return p.From
	case run.Message == "":
		run.Message = p.Message
	}
	return time.Time{}
}

// NeverStarted reports whether the message of a drill that runs says that its pod does not
// start.
func NeverStarted(run *stanzaflowv1alpha1.DrillRun) bool {
	return run != nil && run.Result == stanzaflowv1alpha1.RunRunning && strings.HasPrefix(run.Message, neverStarted)
}
