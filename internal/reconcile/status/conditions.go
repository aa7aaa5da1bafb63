// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// conditions says what a pass found. The messages hold no time and no name that
// changes from run to run.
func conditions(p Pass, status stanzaflowv1alpha1.StanzaStatus, watch archiving.Result) []metav1.Condition {
	conditions := []metav1.Condition{accepted(p), programmed(p, status), backupHealthy(p, status)}
	of := conditions
	if p.Watch != nil {
		conditions = append(conditions, archivingWorks(p, status, watch))
	}
	switch {
	case drilled(p):
		conditions = append(conditions, withDrills(p, status, watch))
	case p.Watch != nil:
		conditions = append(conditions, recoverable(p, status, watch))
	}
	if proven(status) {
		of = conditions
	}
	conditions = append([]metav1.Condition{ready(of)}, conditions...)
	if p.State.Suspended() {
		conditions = append(conditions, condition(vocab.ConditionSuspended, metav1.ConditionTrue, vocab.ReasonSuspendedByUser,
			"The Stanza sets spec.suspend, so no schedule starts a run"))
	}
	return conditions
}

// proven reports whether a backup of the cluster is proven. Before the first one, archiving
// fails until a run has made the stanza, and nothing can be restored: that is no news.
func proven(status stanzaflowv1alpha1.StanzaStatus) bool {
	return status.LastBackup != nil || slices.ContainsFunc(status.Repos, func(r stanzaflowv1alpha1.RepoStatus) bool { return r.LastBackup != nil })
}

// unknown are the reasons for which Ready is Unknown.
var unknown = []vocab.Reason{vocab.ReasonNoBackupYet, vocab.ReasonNotManaged, vocab.ReasonBlind}

// ready is False with the first condition that is False. It is Unknown until every
// repo has a proven backup, while the operator makes none, and while no watch reports.
func ready(conditions []metav1.Condition) metav1.Condition {
	for _, c := range conditions {
		if c.Status == metav1.ConditionFalse {
			return condition(vocab.ConditionReady, metav1.ConditionFalse, vocab.Reason(c.Reason), c.Message)
		}
	}
	for _, c := range conditions {
		if c.Status == metav1.ConditionUnknown && slices.Contains(unknown, vocab.Reason(c.Reason)) {
			return condition(vocab.ConditionReady, metav1.ConditionUnknown, vocab.Reason(c.Reason), c.Message)
		}
	}
	return condition(vocab.ConditionReady, metav1.ConditionTrue, vocab.ReasonReady,
		"Every schedule is in force and no backup is known to be missing")
}

func accepted(p Pass) metav1.Condition {
	if p.State.Postgresql == nil {
		return condition(vocab.ConditionAccepted, metav1.ConditionFalse, vocab.ReasonClusterNotFound,
			"There is no postgresql "+p.State.Key.Name+" in namespace "+p.State.Key.Namespace)
	}
	if len(p.Plan.Problems) == 0 {
		return condition(vocab.ConditionAccepted, metav1.ConditionTrue, vocab.ReasonAccepted, "Every backup setting is understood")
	}
	var texts []string
	for _, problem := range p.Plan.Problems {
		texts = append(texts, problemText(problem))
	}
	// The mistakes come first: without one, everything is in force.
	if len(p.Plan.Problems.Mistakes()) == 0 {
		return condition(vocab.ConditionAccepted, metav1.ConditionTrue, p.Plan.Problems[0].Reason, texts...)
	}
	for _, action := range object.With(p.Actions, object.Keep) {
		texts = append(texts, keptText(action.Have))
	}
	return condition(vocab.ConditionAccepted, metav1.ConditionFalse, p.Plan.Problems[0].Reason, texts...)
}

func problemText(p problem.Problem) string {
	return p.Kind + " field " + p.Field + " " + p.Message
}

func keptText(have *unstructured.Unstructured) string {
	if text := schedule.Text(have); text != "" {
		return object.ID(have) + " keeps its last good schedule " + text
	}
	return object.ID(have) + " stays unchanged"
}

// condition joins several texts into one message. Their order is that of the
// objects, which are sorted; a repeated text appears once.
func condition(kind string, status metav1.ConditionStatus, reason vocab.Reason, texts ...string) metav1.Condition {
	var parts []string
	for _, text := range texts {
		text = strings.TrimRight(strings.TrimSpace(text), ".: ")
		if text != "" && !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return metav1.Condition{Type: kind, Status: status, Reason: string(reason), Message: report.OneLine(capitalize(strings.Join(parts, "; ")))}
}

// capitalize makes the first letter a capital.
func capitalize(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
