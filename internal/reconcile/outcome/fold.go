// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// History is what a status remembers of one kind of runs of a cluster, or of one
// of its schedules.
type History struct {
	// Kind of the runs. Zero means backups.
	Kind vocab.RunKind
	// LastRun is the run that started last.
	LastRun *stanzaflowv1alpha1.RunStatus
	// PreviousRun is the newest run that is over, while LastRun is not.
	PreviousRun *stanzaflowv1alpha1.RunStatus
	// LastBackup is the newest proven backup.
	LastBackup *stanzaflowv1alpha1.BackupStatus
}

// LastFinished is the newest run that is over, nil if there is none.
func (h History) LastFinished() *stanzaflowv1alpha1.RunStatus {
	if Finished(h.LastRun) {
		return h.LastRun
	}
	return h.PreviousRun
}

// Fold adds the runs of its kind to what is known, and the backups that runs of any
// kind have proven. The order of the runs does not matter, and folding the same runs again changes nothing. Runs whose Workflow is
// deleted stay known. A run that was known to be running is the exception: it will
// never say how it ended.
func (h History) Fold(runs []Run) History {
	last, finished, lastBackup := h.LastRun, h.LastFinished(), h.LastBackup
	for i := range runs {
		lastBackup = newestBackup(lastBackup, runs[i].Backup)
	}
	runs = ofKind(runs, cmp.Or(h.Kind, vocab.RunBackup))
	if last != nil && !Finished(last) && !present(runs, last) {
		last = gone(last)
		finished = newest(finished, last)
	}
	for _, run := range runs {
		last = newest(last, &run.Status)
		if Finished(&run.Status) {
			finished = newest(finished, &run.Status)
		}
	}
	after := History{Kind: h.Kind, LastRun: last, LastBackup: lastBackup}
	if !Finished(last) {
		after.PreviousRun = finished
	}
	return after
}

func ofKind(runs []Run, kind vocab.RunKind) []Run {
	return slices.DeleteFunc(slices.Clone(runs), func(r Run) bool { return r.Kind != kind })
}

func present(runs []Run, known *stanzaflowv1alpha1.RunStatus) bool {
	for _, run := range runs {
		if run.Status.Workflow == known.Workflow {
			return true
		}
	}
	return false
}

// gone is a run whose Workflow was deleted before it was over.
func gone(run *stanzaflowv1alpha1.RunStatus) *stanzaflowv1alpha1.RunStatus {
	after := run.DeepCopy()
	after.Result = stanzaflowv1alpha1.RunUnknown
	after.Progress, after.WaitsFor = "", ""
	after.Message = "The Workflow was deleted before it was over, so no backup is proven"
	return after
}

// newest returns the newer of two runs. A candidate with the name of the known run
// is that run again: a later look at it, or after argo retry with a later start. A
// stale read does not take back an end that is known.
func newest(known, candidate *stanzaflowv1alpha1.RunStatus) *stanzaflowv1alpha1.RunStatus {
	if known == nil {
		return candidate.DeepCopy()
	}
	switch order := compare(candidate.StartTime, known.StartTime); {
	case order > 0:
		return candidate.DeepCopy()
	case order < 0:
		return known
	case candidate.Workflow == known.Workflow:
		if Finished(known) && known.Result != stanzaflowv1alpha1.RunUnknown && !Finished(candidate) {
			return known
		}
		return candidate.DeepCopy()
	case candidate.Workflow > known.Workflow:
		return candidate.DeepCopy()
	}
	return known
}

func newestBackup(known, candidate *stanzaflowv1alpha1.BackupStatus) *stanzaflowv1alpha1.BackupStatus {
	if candidate == nil {
		return known
	}
	if known == nil || known.StopTime.Before(&candidate.StopTime) ||
		known.StopTime.Equal(&candidate.StopTime) && candidate.Label >= known.Label {
		return candidate.DeepCopy()
	}
	return known
}

func compare(a, b *metav1.Time) int {
	switch {
	case a.Before(b):
		return -1
	case b.Before(a):
		return 1
	}
	return 0
}
