// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// runsLimit is how many runs that have ended a drill remembers.
const runsLimit = 10

// lost is what is said of a drill whose Workflow was deleted before it was over.
const lost = "The Workflow was deleted before it was over, so nothing is proven"

// fold adds the runs of a drill to what was known of it. The order of the runs does not
// matter, and folding the same runs again changes nothing.
func (p Pass) fold(entry *stanzaflowv1alpha1.DrillStatus, was stanzaflowv1alpha1.DrillStatus) {
	all := map[string]stanzaflowv1alpha1.DrillRun{}
	for _, run := range was.Runs {
		all[run.Workflow] = run
	}
	if was.LastRun != nil {
		all[was.LastRun.Workflow] = p.remembered(*was.LastRun)
	}
	entry.LastProven = was.LastProven.DeepCopy()
	for i := range p.Runs {
		run := &p.Runs[i]
		if !isDrill(run, entry.Name) {
			continue
		}
		is := runOf(run)
		if known, ok := all[is.Workflow]; !ok || replaces(known, is) {
			all[is.Workflow] = is
		}
		entry.LastProven = newestProven(entry.LastProven, provenBy(run))
	}
	list := slices.SortedFunc(maps.Values(all), func(a, b stanzaflowv1alpha1.DrillRun) int {
		return cmp.Or(compare(b.StartTime, a.StartTime), cmp.Compare(b.Workflow, a.Workflow))
	})
	if len(list) > 0 {
		entry.LastRun = list[0].DeepCopy()
	}
	list = slices.DeleteFunc(list, func(r stanzaflowv1alpha1.DrillRun) bool { return !over(&r) })
	entry.Runs = list[:min(len(list), runsLimit)]
}

// remembered is the last run that was known. One that was running and has no Workflow any
// more will never say how it ended.
func (p Pass) remembered(run stanzaflowv1alpha1.DrillRun) stanzaflowv1alpha1.DrillRun {
	present := slices.ContainsFunc(p.Runs, func(r outcome.Run) bool { return r.Status.Workflow == run.Workflow })
	if !over(&run) && p.State.ArgoInstalled && !present {
		run.Result, run.Message = stanzaflowv1alpha1.RunUnknown, lost
	}
	return run
}

// replaces reports whether a look at a run says more than what is known of it. A stale read
// does not take back an end that is known. After argo retry the run has a later start.
func replaces(known, is stanzaflowv1alpha1.DrillRun) bool {
	order := compare(is.StartTime, known.StartTime)
	if order != 0 {
		return order > 0
	}
	return !over(&known) || over(&is) || known.Result == stanzaflowv1alpha1.RunUnknown
}

func runOf(run *outcome.Run) stanzaflowv1alpha1.DrillRun {
	is := stanzaflowv1alpha1.DrillRun{
		Workflow: run.Status.Workflow, Trigger: run.Status.Trigger, Result: run.Status.Result, Message: run.Status.Message,
		DataMissing: run.Tried != nil && run.Tried.DataMissing && run.Status.Result != stanzaflowv1alpha1.RunSucceeded,
		StartTime:   run.Status.StartTime.DeepCopy(), FinishTime: run.Status.FinishTime.DeepCopy(),
	}
	if run.Tried != nil {
		is.Repo, is.Target = run.Status.Repo, run.Tried.Target
	}
	if proven := provenBy(run); proven != nil {
		is.Phases, is.DatabaseBytes, is.WALBytes = proven.Phases.DeepCopy(), proven.DatabaseBytes, proven.WALBytes
	}
	return is
}

// provenBy is what a run has proven, nil if nothing.
func provenBy(run *outcome.Run) *stanzaflowv1alpha1.ProvenDrill {
	d := run.Tried
	if run.Kind != vocab.RunDrill || run.Status.Result != stanzaflowv1alpha1.RunSucceeded || d == nil || run.Status.FinishTime == nil {
		return nil
	}
	proven := &stanzaflowv1alpha1.ProvenDrill{
		Workflow: run.Status.Workflow, FinishTime: *run.Status.FinishTime, Backup: d.Backup, Repo: run.Status.Repo, Target: d.Target,
		LSN: d.LSN, Timeline: timeline(d.Timeline), DatabaseBytes: d.DatabaseBytes, WALBytes: d.WALBytes,
		Phases: stanzaflowv1alpha1.DrillPhases{
			Provision: seconds(d.ProvisionSeconds), Restore: seconds(d.RestoreSeconds), Replay: seconds(d.ReplaySeconds),
			FirstQuery: seconds(d.FirstQuerySeconds), Checks: seconds(d.ChecksSeconds),
		},
	}
	if d.RecoveredTo != nil {
		proven.RecoveredTo = new(metav1.NewMicroTime(d.RecoveredTo.UTC().Truncate(time.Microsecond)))
	}
	for _, check := range d.Checks {
		if check.Passed {
			proven.Checks = append(proven.Checks, check.Name)
		}
	}
	return proven
}

// newestProven is the one that ended last.
func newestProven(known, is *stanzaflowv1alpha1.ProvenDrill) *stanzaflowv1alpha1.ProvenDrill {
	if is == nil || known != nil && is.FinishTime.Before(&known.FinishTime) {
		return known
	}
	return is
}

// Recovery returns status.recovery: what the newest good drill has measured, the known one
// if no other is newer.
func Recovery(known *stanzaflowv1alpha1.RecoveryStatus, runs []outcome.Run) *stanzaflowv1alpha1.RecoveryStatus {
	for i := range runs {
		run := &runs[i]
		if provenBy(run) == nil || known != nil && !known.LastProvenTime.Before(run.Status.FinishTime) && known.Workflow != run.Status.Workflow {
			continue
		}
		known = recoveryBy(run)
	}
	return known
}

func recoveryBy(run *outcome.Run) *stanzaflowv1alpha1.RecoveryStatus {
	is := &stanzaflowv1alpha1.RecoveryStatus{
		LastProvenTime: *run.Status.FinishTime, RTO: RTO(run.Tried), Drill: run.Drill, Workflow: run.Status.Workflow,
	}
	if rpo := run.Tried.RPOSeconds; rpo != nil {
		is.RPO = new(seconds(*rpo))
	}
	return is
}

// RTO is the time from the start of the restore to the first query. The time that the pod
// and its volume took is not in it: it differs in an emergency.
func RTO(d *report.Drill) metav1.Duration {
	return seconds(d.RestoreSeconds + d.ReplaySeconds + d.FirstQuerySeconds)
}

// seconds is a duration to the millisecond.
func seconds(s float64) metav1.Duration {
	return metav1.Duration{Duration: time.Duration(math.Round(s*1000)) * time.Millisecond}
}

func timeline(n int) int32 { return int32(max(0, min(n, math.MaxInt32))) }

func compare(a, b *metav1.Time) int {
	switch {
	case a.Before(b):
		return -1
	case b.Before(a):
		return 1
	}
	return 0
}
