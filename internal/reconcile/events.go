// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Recorder is the part of an events.EventRecorder that we use.
type Recorder interface {
	Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any)
}

// notice is an event on the postgresql. The recorder counts events of the same reason,
// action, field and related object as one and keeps the first note, so each
// event names the field or the object that it is about.
type notice struct {
	Type   string
	Reason string
	Action string
	Note   string
	// Field of the postgresql.
	Field string
	// Related is the CronWorkflow or the Workflow.
	Related *corev1.ObjectReference
}

// Actions of events.
const (
	actionTranslate = "Translate"
	actionApply     = "Apply"
	actionRun       = "Run"
)

func changeEvent(reason string, object *unstructured.Unstructured) notice {
	note := reason + " " + id(object)
	if text := scheduleText(object); text != "" && reason != vocab.ReasonDeleted {
		note += ", schedule " + text + " " + zoneName(object)
		if suspended(object) {
			note += ", suspended"
		}
	}
	return notice{Type: corev1.EventTypeNormal, Reason: reason, Action: actionApply, Note: note, Related: reference(object)}
}

func drainingEvent(object *unstructured.Unstructured) notice {
	return notice{
		Type: corev1.EventTypeNormal, Reason: vocab.ReasonDraining, Action: actionApply, Related: reference(object),
		Note: "Suspended " + id(object) + ", to be deleted when no run of it goes on",
	}
}

// transitions are the events for what changed in the status. The status before
// is the memory, so nothing is told twice, not even after a restart.
func transitions(before, after stanzaflowv1alpha1.StanzaStatus, problems []translate.Problem, kept []*unstructured.Unstructured) []notice {
	events := problemEvents(before, after, problems, kept)
	if e, ok := conditionEvent(before, after, vocab.ConditionProgrammed); ok {
		events = append(events, e)
	}
	events = append(events, runEvents(before, after)...)
	return append(events, scheduleEvents(before, after)...)
}

// scheduleEvents tell that a schedule has become overdue, and that something
// holds all of them. A run that was held tells so itself.
func scheduleEvents(before, after stanzaflowv1alpha1.StanzaStatus) []notice {
	known, told := byCronWorkflow(before.Schedules), map[string]bool{}
	for _, entry := range before.Schedules {
		told[entry.Held] = true
	}
	var events []notice
	for _, entry := range after.Schedules {
		if cause := heldByCluster(entry); cause != "" && !told[cause] {
			told[cause] = true
			events = append(events, notice{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonHeld, Action: actionRun, Note: capital(heldText(cause)),
			})
		}
		if entry.Overdue && !known[entry.CronWorkflow].Overdue {
			events = append(events, notice{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonOverdue, Action: actionRun, Note: capital(overdueText(entry)),
				Related: &corev1.ObjectReference{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: cronWorkflowKind.Kind, Name: entry.CronWorkflow},
			})
		}
	}
	return events
}

// problemEvents: the message of the condition holds the problems, so one whose
// text is in there has been told. Beyond what fits in a message, all are told
// again when any of it changes.
func problemEvents(before, after stanzaflowv1alpha1.StanzaStatus, problems []translate.Problem, kept []*unstructured.Unstructured) []notice {
	was, is := conditionMessage(before, vocab.ConditionAccepted), conditionMessage(after, vocab.ConditionAccepted)
	if was == is {
		return nil
	}
	var events []notice
	for _, p := range problems {
		if text := problemText(p); !strings.Contains(strings.ToLower(was), strings.ToLower(text)) {
			events = append(events, notice{
				Type: corev1.EventTypeWarning, Reason: p.Reason, Action: actionTranslate, Note: capital(text), Field: p.Field,
			})
		}
	}
	for _, object := range kept {
		if text := keptText(object); !strings.Contains(strings.ToLower(was), strings.ToLower(text)) {
			events = append(events, notice{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonKept, Action: actionTranslate, Note: capital(text), Related: reference(object),
			})
		}
	}
	return events
}

// waitingReasons end by themselves when somebody installs what is missing.
var waitingReasons = []string{vocab.ReasonArgoNotInstalled, vocab.ReasonWorkflowTemplateMissing}

// conditionEvent tells that a condition has become False, or False for another
// reason; and that policies are missing, with which it stays True.
func conditionEvent(before, after stanzaflowv1alpha1.StanzaStatus, kind string) (notice, bool) {
	was, is := meta.FindStatusCondition(before.Conditions, kind), meta.FindStatusCondition(after.Conditions, kind)
	if is == nil || is.Status != metav1.ConditionFalse && is.Reason != vocab.ReasonPolicyMissing || was != nil && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message {
		return notice{}, false
	}
	e := notice{Type: corev1.EventTypeWarning, Reason: is.Reason, Action: actionApply, Note: is.Message}
	if slices.Contains(waitingReasons, is.Reason) {
		e.Type = corev1.EventTypeNormal
	}
	return e, true
}

// runEvents tell how the runs ended that the status before did not know to be
// over.
func runEvents(before, after stanzaflowv1alpha1.StanzaStatus) []notice {
	known := map[string]bool{}
	for _, run := range finishedRuns(before) {
		known[runKey(run)] = true
	}
	var events []notice
	for _, run := range finishedRuns(after) {
		if known[runKey(run)] {
			continue
		}
		known[runKey(run)] = true
		events = append(events, runEvent(run, labelOf(after, run)))
		if run.Result == stanzaflowv1alpha1.RunSucceeded && run.Retention == outcome.RetentionFailed {
			events = append(events, notice{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonRetentionFailed, Action: actionRun,
				Note: backupName(run.Type, run.Repo) + ": " + run.Message, Related: workflowReference(run),
			})
		}
	}
	return events
}

func runEvent(run *stanzaflowv1alpha1.RunStatus, label string) notice {
	e := notice{
		Type: corev1.EventTypeWarning, Reason: verdict(run), Action: actionRun, Related: workflowReference(run),
	}
	what := backupName(run.Type, run.Repo)
	if run.Result == stanzaflowv1alpha1.RunSucceeded {
		// Whether expire failed is another event.
		e.Type, e.Reason = corev1.EventTypeNormal, vocab.ReasonSucceeded
		e.Note = fmt.Sprintf("Backup %s is proven: %s, Workflow %s", label, what, run.Workflow)
		return e
	}
	ended := "made no proven backup"
	if run.Result == stanzaflowv1alpha1.RunHeld {
		ended = "was held"
	}
	e.Note = fmt.Sprintf("Workflow %s %s, %s: %s", run.Workflow, ended, what, run.Message)
	return e
}

func finishedRuns(status stanzaflowv1alpha1.StanzaStatus) []*stanzaflowv1alpha1.RunStatus {
	var runs []*stanzaflowv1alpha1.RunStatus
	add := func(run *stanzaflowv1alpha1.RunStatus) {
		if outcome.Finished(run) {
			runs = append(runs, run)
		}
	}
	for i := range status.Schedules {
		add(status.Schedules[i].PreviousRun)
		add(status.Schedules[i].LastRun)
	}
	add(status.LastRun)
	return runs
}

// runKey: argo retry runs a Workflow again under its name, from a later start.
func runKey(run *stanzaflowv1alpha1.RunStatus) string {
	key := run.Workflow + " " + string(run.Result)
	if run.StartTime != nil {
		key += " " + run.StartTime.UTC().String()
	}
	return key
}

func labelOf(status stanzaflowv1alpha1.StanzaStatus, run *stanzaflowv1alpha1.RunStatus) string {
	backups := []*stanzaflowv1alpha1.BackupStatus{status.LastBackup}
	for i := range status.Schedules {
		backups = append(backups, status.Schedules[i].LastBackup)
	}
	for _, backup := range backups {
		if backup != nil && backup.Workflow == run.Workflow {
			return backup.Label
		}
	}
	return "of the run"
}

func workflowReference(run *stanzaflowv1alpha1.RunStatus) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: workflowKind.Kind, Name: run.Workflow}
}

func conditionMessage(status stanzaflowv1alpha1.StanzaStatus, kind string) string {
	if c := meta.FindStatusCondition(status.Conditions, kind); c != nil {
		return c.Message
	}
	return ""
}

// emit hands events to the recorder.
func (c *Controller) emit(state State, events []notice) {
	for _, e := range events {
		regarding := regarding(state)
		regarding.FieldPath = e.Field
		var related runtime.Object
		if e.Related != nil {
			e.Related.Namespace = state.Key.Namespace
			related = e.Related
		}
		c.recorder.Eventf(regarding, related, e.Type, e.Reason, e.Action, "%s", report.OneLine(e.Note))
	}
}

// regarding is the postgresql, also when it has gone.
func regarding(state State) *corev1.ObjectReference {
	ref := &corev1.ObjectReference{
		APIVersion: cpo.GroupVersionKind.GroupVersion().String(), Kind: cpo.GroupVersionKind.Kind,
		Namespace: state.Key.Namespace, Name: state.Key.Name,
	}
	if state.Postgresql != nil {
		ref.UID, ref.ResourceVersion = state.Postgresql.GetUID(), state.Postgresql.GetResourceVersion()
	}
	return ref
}
