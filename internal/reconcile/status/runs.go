// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// runEvents say how each run ended that the status before did not know to be
// finished.
func runEvents(before, after stanzaflowv1alpha1.StanzaStatus) []Event {
	known := map[string]bool{}
	for _, run := range finishedRuns(before) {
		known[runKey(run)] = true
	}
	var events []Event
	for _, run := range finishedRuns(after) {
		if known[runKey(run)] {
			continue
		}
		known[runKey(run)] = true
		events = append(events, runEvent(run, labelOf(after, run)))
		if run.Result == stanzaflowv1alpha1.RunSucceeded && run.Retention == vocab.RetentionFailed {
			events = append(events, Event{
				Type: corev1.EventTypeWarning, Reason: vocab.ReasonRetentionFailed, Action: actionRun,
				Note: backupName(run.Type, run.Repo) + ": " + run.Message, Related: workflowReference(run),
			})
		}
	}
	return events
}

func runEvent(run *stanzaflowv1alpha1.RunStatus, label string) Event {
	e := Event{
		Type: corev1.EventTypeWarning, Reason: verdict(run), Action: actionRun, Related: workflowReference(run),
	}
	what := backupName(run.Type, run.Repo)
	if run.Result == stanzaflowv1alpha1.RunSucceeded {
		// A failed expire has an event of its own.
		e.Type, e.Reason = corev1.EventTypeNormal, vocab.ReasonSucceeded
		e.Note = fmt.Sprintf("Backup %s is proven: %s, Workflow %s", label, what, run.Workflow)
		return e
	}
	ended := "ended without a proven backup"
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

// runKey has the start time because argo retry runs a Workflow again under its
// name, from a later start.
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
	return &corev1.ObjectReference{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: object.Workflow.Kind, Name: run.Workflow}
}
