// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/drill"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// foldDrills adds the drills to the status, and returns when to look again. What a drill has
// measured stays known when the Stanza asks for none any more.
func foldDrills(before stanzaflowv1alpha1.StanzaStatus, after *stanzaflowv1alpha1.StanzaStatus, p Pass) time.Time {
	pass := drill.Pass{State: p.State, InForce: p.Done.InForce, Repos: reposOf(*after), Now: p.Now}
	if p.State.ArgoInstalled {
		pass.Runs = p.Runs
	}
	var wake time.Time
	after.Drills, wake = drill.Entries(before.Drills, pass)
	after.DrilledRepos = drill.DrilledRepos(before.DrilledRepos, after.Drills, pass)
	after.Recovery = drill.Recovery(before.Recovery, pass.Runs)
	return wake
}

func reposOf(status stanzaflowv1alpha1.StanzaStatus) []string {
	var names []string
	for i := range status.Repos {
		names = append(names, status.Repos[i].Name)
	}
	return names
}

// drilled reports whether the condition Recoverable says what drills find.
func drilled(p Pass) bool {
	return p.State.Stanza != nil && p.State.Postgresql != nil && p.State.Managed() && drill.Asked(p.State.Stanza.Spec)
}

// withDrills joins what the watch and the drills say: the worst of both. A restore that has
// lost data is worse than anything that a watch can find.
func withDrills(p Pass, status stanzaflowv1alpha1.StanzaStatus, watch archiving.Result) metav1.Condition {
	verdict := drill.Judge(p.State.Stanza.Spec, status, p.Runs)
	proven := condition(vocab.ConditionRecoverable, verdict.Status, verdict.Reason, verdict.Texts...)
	if p.Watch == nil || verdict.Reason == vocab.ReasonNewestUnreachable {
		return proven
	}
	watched := recoverable(p, status, watch)
	switch {
	case watched.Status == metav1.ConditionFalse:
		return watched
	case proven.Status == metav1.ConditionFalse, watched.Status == metav1.ConditionTrue:
		return proven
	}
	return watched
}

// findDrills says why the drills of a cluster cannot run.
func findDrills(p Pass) []Finding {
	if len(p.Plan.Drills.CronWorkflows) == 0 && !p.Plan.Drills.Asked || !p.State.ArgoInstalled {
		return nil
	}
	template, namespace := p.State.Drill.Template, p.State.Key.Namespace
	install := installTemplate(namespace, p.Provisioner)
	invalid := func(format string, args ...any) []Finding {
		return []Finding{{vocab.ReasonDrillTemplateUnusable, fmt.Sprintf("WorkflowTemplate %s in namespace %s ", vocab.DrillTemplate, namespace) + fmt.Sprintf(format, args...)}}
	}
	switch {
	case !template.Found:
		return []Finding{{
			vocab.ReasonDrillTemplateUnusable,
			"there is no WorkflowTemplate " + vocab.DrillTemplate + " in namespace " + namespace + ", so no drill can run; " + install,
		}}
	case template.Contract != vocab.DrillContract:
		return invalid("has label %s=%s, not %s; %s", vocab.LabelContract, cmp.Or(template.Contract, "(none)"), vocab.DrillContract, install)
	case len(template.Findings) > 0:
		return invalid("%s", contract.DrillSentence(template.Findings))
	case template.MissingAccount != "":
		return invalid("names ServiceAccount %s, which does not exist in the namespace, so no pod of a drill could start; %s", template.MissingAccount, install)
	}
	return nil
}

// noteDrills says what a person should know of the volumes of the drills, and what the
// operator cannot know.
func noteDrills(p Pass) []Finding {
	var notes []Finding
	if class := p.State.Drill.Retained; class != "" {
		notes = append(notes, Finding{vocab.ReasonDrillVolumeRetained, retainedText(class)})
	}
	if unknown := p.State.Drill.Forbidden; len(unknown) > 0 {
		notes = append(notes, Finding{vocab.ReasonSkewUnknown, "for the drills the operator may not get " + strings.Join(unknown, " and ") + "; install the rights of the operator's release"})
	}
	return notes
}

func retainedText(class string) string {
	return "StorageClass " + class + " has reclaimPolicy Retain: after each drill a PersistentVolume with a copy of the database stays until somebody deletes it; set spec.restorePod.volume.storageClassName to a class that deletes"
}

// drillEvents say how each drill ended that the status before did not know, that one does
// not start or is overdue, and that data are missing.
func drillEvents(before, after stanzaflowv1alpha1.StanzaStatus) []Event {
	known, late := map[string]bool{}, map[string]bool{}
	for i := range before.Drills {
		late[before.Drills[i].Name] = before.Drills[i].Overdue
		for _, run := range before.Drills[i].Runs {
			known[drillKey(run)] = true
		}
	}
	var events []Event
	for i := range after.Drills {
		entry := &after.Drills[i]
		for _, run := range entry.Runs {
			if !known[drillKey(run)] {
				events = append(events, drillEvent(entry, run))
			}
		}
		if entry.Overdue && !late[entry.Name] {
			events = append(events, Event{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonDrillOverdue, Action: actionRun, Note: capitalize(drill.Overdue(entry)), OnStanza: true,
				Related: &corev1.ObjectReference{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: object.CronWorkflow.Kind, Name: entry.CronWorkflow},
			})
		}
	}
	events = append(events, pendingEvents(before, after)...)
	return append(events, unreachableByHand(before, after, events)...)
}

// pendingEvents say once for each run that the pod of a drill does not start.
func pendingEvents(before, after stanzaflowv1alpha1.StanzaStatus) []Event {
	said := map[string]bool{}
	for i := range before.Drills {
		said[pendingRun(&before.Drills[i])] = true
	}
	var events []Event
	for i := range after.Drills {
		entry := &after.Drills[i]
		if run := pendingRun(entry); run != "" && !said[run] {
			events = append(events, Event{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonDrillPending, Action: actionRun, Note: capitalize(drill.Pending(entry)), OnStanza: true,
				Related: relatedWorkflow(run),
			})
		}
	}
	return events
}

// pendingRun is the Workflow of a drill whose pod does not start, empty if it does.
func pendingRun(entry *stanzaflowv1alpha1.DrillStatus) string {
	if !outcome.NeverStarted(entry.LastRun) {
		return ""
	}
	return entry.LastRun.Workflow
}

func relatedWorkflow(name string) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: object.Workflow.Kind, Name: name}
}

func drillKey(run stanzaflowv1alpha1.DrillRun) string {
	key := run.Workflow + " " + string(run.Result)
	if run.StartTime != nil {
		key += " " + run.StartTime.UTC().String()
	}
	return key
}

func drillEvent(entry *stanzaflowv1alpha1.DrillStatus, run stanzaflowv1alpha1.DrillRun) Event {
	e := Event{Type: corev1.EventTypeWarning, Reason: vocab.ReasonDrillFailed, Action: actionRun, Related: relatedWorkflow(run.Workflow), OnStanza: true}
	switch {
	case run.Result == stanzaflowv1alpha1.RunSucceeded:
		e.Type, e.Reason, e.Note = corev1.EventTypeNormal, vocab.ReasonProven, "Drill "+entry.Name+" has restored the database, Workflow "+run.Workflow
		if proven := entry.LastProven; proven != nil && proven.Workflow == run.Workflow {
			e.Note = fmt.Sprintf("Drill %s has restored backup %s of %s in %s, Workflow %s",
				entry.Name, proven.Backup, proven.Repo, proven.Phases.Restore.Duration+proven.Phases.Replay.Duration+proven.Phases.FirstQuery.Duration, run.Workflow)
		}
	case run.Result == stanzaflowv1alpha1.RunHeld:
		e.Reason, e.Note = vocab.ReasonHeld, fmt.Sprintf("Drill %s was held, Workflow %s: %s", entry.Name, run.Workflow, run.Message)
	case run.DataMissing:
		e.Reason, e.Note = vocab.ReasonDataNotRecovered, fmt.Sprintf("Drill %s has not found what must be in the archive, Workflow %s: %s", entry.Name, run.Workflow, run.Message)
	default:
		e.Note = fmt.Sprintf("Drill %s has proven nothing, Workflow %s: %s", entry.Name, run.Workflow, run.Message)
	}
	return e
}

// unreachableByHand is about a drill by hand that is none of the Stanza, of which the status
// holds no run.
func unreachableByHand(before, after stanzaflowv1alpha1.StanzaStatus, said []Event) []Event {
	if !unreachable(after) || unreachable(before) || hasReason(said, string(vocab.ReasonDataNotRecovered)) {
		return nil
	}
	return []Event{{
		Type: corev1.EventTypeWarning, Reason: vocab.ReasonDataNotRecovered, Action: actionRun, OnStanza: true,
		Note: conditionMessage(after, vocab.ConditionRecoverable),
	}}
}

func unreachable(status stanzaflowv1alpha1.StanzaStatus) bool {
	c := meta.FindStatusCondition(status.Conditions, vocab.ConditionRecoverable)
	return c != nil && c.Reason == string(vocab.ReasonNewestUnreachable)
}

// retainedEvents say once that the volumes of the drills stay.
func retainedEvents(before, after stanzaflowv1alpha1.StanzaStatus) []Event {
	const word = "has reclaimPolicy Retain"
	is := conditionMessage(after, vocab.ConditionProgrammed)
	if !strings.Contains(is, word) || strings.Contains(conditionMessage(before, vocab.ConditionProgrammed), word) {
		return nil
	}
	return []Event{{Type: corev1.EventTypeWarning, Reason: vocab.ReasonDrillVolumeRetained, Action: actionApply, OnStanza: true, Note: is}}
}
