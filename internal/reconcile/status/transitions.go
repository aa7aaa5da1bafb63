// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// announced are the conditions whose transitions are events. Ready follows from others, so
// it comes last.
var announced = []string{vocab.ConditionArchiving, vocab.ConditionRecoverable, vocab.ConditionBackupHealthy, vocab.ConditionReady}

// quiet are reasons of a time in which nothing is known of the archiving, as it must be.
var quiet = []vocab.Reason{vocab.ReasonNotObservedYet}

// conditionEvents say that a condition has changed its status, or is False for another
// reason, on the Stanza and on the postgresql. What an event of this pass says already
// they say on the Stanza alone, and no reason twice.
func conditionEvents(before, after stanzaflowv1alpha1.StanzaStatus, said []Event) []Event {
	var events []Event
	for _, kind := range announced {
		was, is := meta.FindStatusCondition(before.Conditions, kind), meta.FindStatusCondition(after.Conditions, kind)
		if !turned(was, is) || hasReason(events, is.Reason) {
			continue
		}
		e := Event{
			Type: corev1.EventTypeWarning, Reason: vocab.Reason(is.Reason), Action: actionReport, Note: kind + " is " + string(is.Status) + ": " + is.Message,
			OnStanza: true, Only: hasReason(said, is.Reason),
		}
		if is.Status == metav1.ConditionTrue || is.Status == metav1.ConditionUnknown && e.Reason != vocab.ReasonBlind {
			e.Type = corev1.EventTypeNormal
		}
		events = append(events, e)
	}
	return events
}

// turned reports whether a transition of a condition is an event.
func turned(was, is *metav1.Condition) bool {
	switch {
	case was == nil, is == nil:
		return false // The condition has appeared, or is gone: nothing has happened to the cluster.
	case slices.Contains(quiet, vocab.Reason(is.Reason)):
		return false
	case is.Status == metav1.ConditionTrue && slices.Contains(quiet, vocab.Reason(was.Reason)):
		return false
	}
	return was.Status != is.Status || is.Status == metav1.ConditionFalse && was.Reason != is.Reason
}

func hasReason(events []Event, reason string) bool {
	return slices.ContainsFunc(events, func(e Event) bool { return string(e.Reason) == reason })
}
