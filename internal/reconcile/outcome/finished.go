// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"cmp"
	"maps"
	"slices"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// finishedLimit is how many runs a schedule remembers.
const finishedLimit = 10

// FoldFinished adds the backup runs that have ended to those that are known, the newest
// first. Runs whose Workflow is deleted stay known. One that argo retry runs again leaves
// the list until it ends again. The order of the runs does not matter, and folding the
// same runs again changes nothing.
//
// Last is the newest run that is over as a History knows it: its Workflow may be gone.
func FoldFinished(known []stanzaflowv1alpha1.FinishedRun, last *stanzaflowv1alpha1.RunStatus, backup *stanzaflowv1alpha1.BackupStatus, runs []Run) []stanzaflowv1alpha1.FinishedRun {
	after := make(map[string]stanzaflowv1alpha1.FinishedRun, len(known)+len(runs))
	for i := range known {
		after[known[i].Workflow] = known[i]
	}
	// The list knows more of a run than its RunStatus does.
	if was, ok := after[nameOf(last)]; last != nil && (!ok || was.Result != last.Result || compare(was.StartTime, last.StartTime) != 0) {
		foldFinished(after, &Run{Status: *last, Backup: of(backup, last)})
	}
	for i := range runs {
		if runs[i].Kind == vocab.RunBackup {
			foldFinished(after, &runs[i])
		}
	}
	list := slices.SortedFunc(maps.Values(after), func(a, b stanzaflowv1alpha1.FinishedRun) int {
		return cmp.Or(compare(b.StartTime, a.StartTime), cmp.Compare(b.Workflow, a.Workflow))
	})
	return list[:min(len(list), finishedLimit)]
}

// foldFinished enters a run by the name of its Workflow, which no other run of the cluster
// has had.
func foldFinished(known map[string]stanzaflowv1alpha1.FinishedRun, run *Run) {
	status := &run.Status
	if was, ok := known[status.Workflow]; ok {
		before := &stanzaflowv1alpha1.RunStatus{Workflow: was.Workflow, Result: was.Result, StartTime: was.StartTime}
		if newest(before, status) == before {
			return
		}
	}
	if !Finished(status) {
		delete(known, status.Workflow)
		return
	}
	finished := stanzaflowv1alpha1.FinishedRun{
		Workflow: status.Workflow, Trigger: status.Trigger, Result: status.Result, Message: status.Message,
		StartTime: status.StartTime.DeepCopy(), FinishTime: status.FinishTime.DeepCopy(),
	}
	if run.Backup != nil {
		finished.Label = run.Backup.Label
	}
	known[status.Workflow] = finished
}

func nameOf(run *stanzaflowv1alpha1.RunStatus) string {
	if run == nil {
		return ""
	}
	return run.Workflow
}

// of returns a backup if a run has made it.
func of(backup *stanzaflowv1alpha1.BackupStatus, run *stanzaflowv1alpha1.RunStatus) *stanzaflowv1alpha1.BackupStatus {
	if backup == nil || backup.Workflow != run.Workflow || run.Result != stanzaflowv1alpha1.RunSucceeded {
		return nil
	}
	return backup
}
