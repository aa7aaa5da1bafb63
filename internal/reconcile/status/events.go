// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Event is an event on the postgresql. The recorder counts events of the same
// reason, action, field and related object as one and keeps the first note, so
// each event names the field or the object that it is about.
type Event struct {
	Type   string
	Reason vocab.Reason
	Action string
	Note   string
	// Field of the postgresql.
	Field string
	// Related is the CronWorkflow or the Workflow.
	Related *corev1.ObjectReference
	// OnStanza: it is about the Stanza, too. Only: it is not about the postgresql.
	OnStanza, Only bool
}

// Actions of events.
const (
	actionTranslate = "Translate"
	actionApply     = "Apply"
	actionRun       = "Run"
	actionReport    = "Report"
)

// together are the reasons whose changes of one pass are one event, about the first object:
// a cluster begins with one event and not with one for each of its objects. What does not
// fit into a note begins another one.
var together = []vocab.Reason{vocab.ReasonCreated, vocab.ReasonUpdated, vocab.ReasonDeleted}

// Changes are the events for what was written.
func Changes(changes []object.Change) []Event {
	events, first := make([]Event, 0, len(changes)), map[vocab.Reason]int{}
	for _, change := range changes {
		joins := change.By == "" && slices.Contains(together, change.Reason)
		if i, ok := first[change.Reason]; ok && joins {
			if note := events[i].Note + "; " + changed(change); len(note) <= report.MaxMessage {
				events[i].Note = note
				continue
			}
		}
		e := Event{Type: corev1.EventTypeNormal, Reason: change.Reason, Action: actionApply, Note: changeNote(change), Related: reference(change.Object)}
		if change.By != "" {
			e.Type = corev1.EventTypeWarning
		}
		if joins {
			first[change.Reason] = len(events)
		}
		events = append(events, e)
	}
	return events
}

func changeNote(change object.Change) string {
	name := object.ID(change.Object)
	if change.By != "" {
		return "Resumed " + name + ", which somebody has suspended (" + change.By + "); to stop the schedules of the cluster, set spec.suspend of its Stanza"
	}
	switch change.Reason { //nolint:exhaustive // the note of the others has one form
	case vocab.ReasonDraining:
		return "Suspended " + name + "; it will be deleted when its runs have ended"
	case vocab.ReasonTouched:
		return "Touched " + name + ": its pod has ended, and Argo has not noticed"
	case vocab.ReasonStarted:
		return "Started " + name + ": " + strings.Join(causesOf(change.Object), "; ")
	case vocab.ReasonTakenOver:
		return "Suspended CPO's " + name + ": Stanzaflow makes its backups from now on"
	case vocab.ReasonResumed:
		return "Resumed CPO's " + name + ": CPO makes its backups from now on"
	}
	return string(change.Reason) + " " + changed(change)
}

// changed names an object and, unless it is gone, its schedule.
func changed(change object.Change) string {
	note := object.ID(change.Object)
	if text := schedule.Text(change.Object); text != "" && change.Reason != vocab.ReasonDeleted {
		note += ", schedule " + text + " " + schedule.Zone(change.Object)
		if object.Suspended(change.Object) {
			note += ", suspended"
		}
	}
	return note
}

// causesOf are the causes of a run that a trigger has started.
func causesOf(workflow *unstructured.Unstructured) []string {
	var causes []string
	if err := json.Unmarshal([]byte(workflow.GetAnnotations()[vocab.AnnotationCauses]), &causes); err != nil {
		panic(err) // we have written it
	}
	return causes
}

func reference(o *unstructured.Unstructured) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: o.GetAPIVersion(), Kind: o.GetKind(),
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(),
	}
}

// Transitions are the events for what changed in the status. Problems and actions
// are those of the pass.
func Transitions(before, after stanzaflowv1alpha1.StanzaStatus, problems []problem.Problem, actions []object.Action) []Event {
	events := problemEvents(before, after, problems, object.With(actions, object.Keep))
	if e, ok := conditionEvent(before, after, vocab.ConditionProgrammed); ok {
		events = append(events, e)
	}
	events = append(events, runEvents(before, after)...)
	events = append(events, predeployEvents(before.LastPredeploy, after.LastPredeploy)...)
	events = append(events, scheduleEvents(before, after)...)
	events = append(events, drillEvents(before, after)...)
	events = append(events, retainedEvents(before, after)...)
	return append(events, conditionEvents(before, after, events)...)
}

// scheduleEvents say that a schedule has become overdue, and that something holds
// all of them. A run that was held has an event of its own.
func scheduleEvents(before, after stanzaflowv1alpha1.StanzaStatus) []Event {
	known, reported := schedule.ByCronWorkflow(before.Schedules), map[string]bool{}
	for _, entry := range before.Schedules {
		reported[entry.Held] = true
	}
	var events []Event
	for _, entry := range after.Schedules {
		if cause := schedule.HeldByCluster(entry); cause != "" && !reported[cause] {
			reported[cause] = true
			events = append(events, Event{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonHeld, Action: actionRun, Note: capitalize(heldText(cause)),
			})
		}
		if entry.Overdue && !known[entry.CronWorkflow].Overdue {
			events = append(events, Event{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonOverdue, Action: actionRun, Note: capitalize(overdueText(entry)),
				Related: &corev1.ObjectReference{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: object.CronWorkflow.Kind, Name: entry.CronWorkflow},
			})
		}
	}
	return events
}

// problemEvents report each problem once: the message of the condition before
// holds the problems that have been reported. Those that did not fit in that
// message are reported again when any of it changes.
func problemEvents(before, after stanzaflowv1alpha1.StanzaStatus, problems []problem.Problem, kept []object.Action) []Event {
	was, is := conditionMessage(before, vocab.ConditionAccepted), conditionMessage(after, vocab.ConditionAccepted)
	if was == is {
		return nil
	}
	reported := func(text string) bool { return strings.Contains(strings.ToLower(was), strings.ToLower(text)) }
	var events []Event
	for _, p := range problems {
		if text := problemText(p); !reported(text) {
			events = append(events, Event{
				Type: corev1.EventTypeWarning, Reason: p.Reason, Action: actionTranslate, Note: capitalize(text), Field: p.Field,
			})
		}
	}
	for _, action := range kept {
		if text := keptText(action.Have); !reported(text) {
			events = append(events, Event{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonKept, Action: actionTranslate, Note: capitalize(text), Related: reference(action.Have),
			})
		}
	}
	return events
}

// waitingReasons end by themselves when somebody installs what is missing.
var waitingReasons = []vocab.Reason{vocab.ReasonArgoNotInstalled, vocab.ReasonWorkflowTemplateMissing}

// conditionEvent says that a condition has become False, or False for another
// reason. It also says that policies are missing, which leaves the condition
// True.
func conditionEvent(before, after stanzaflowv1alpha1.StanzaStatus, kind string) (Event, bool) {
	was, is := meta.FindStatusCondition(before.Conditions, kind), meta.FindStatusCondition(after.Conditions, kind)
	if is == nil || is.Status != metav1.ConditionFalse && is.Reason != string(vocab.ReasonPolicyMissing) || was != nil && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message {
		return Event{}, false
	}
	e := Event{Type: corev1.EventTypeWarning, Reason: vocab.Reason(is.Reason), Action: actionApply, Note: is.Message}
	if slices.Contains(waitingReasons, e.Reason) {
		e.Type = corev1.EventTypeNormal
	}
	return e, true
}

func conditionMessage(status stanzaflowv1alpha1.StanzaStatus, kind string) string {
	if c := meta.FindStatusCondition(status.Conditions, kind); c != nil {
		return c.Message
	}
	return ""
}
