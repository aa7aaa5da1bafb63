// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"maps"
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/metrics"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Metrics remembers what a pass knows and the status does not hold.
type Metrics interface {
	Passed(key types.NamespacedName, pass metrics.Pass)
}

// measure reports a pass whose status is written.
func (c *Controller) measure(before, after stanzaflowv1alpha1.StanzaStatus, p pass) {
	if c.options.Metrics == nil {
		return
	}
	measured := metrics.Pass{Waiting: waitingRuns(p.State.Workflows), Ended: endedRuns(before, after, p.State.Workflows)}
	if watch := p.Watch; watch != nil {
		measured.Watched, measured.WatchInterval, measured.WatchMaxAge = watch.Seen.LastTime(), watch.Interval, archiving.BlindAfter(watch.Interval)
		measured.Runway = archiving.Runway(after.Schedules)
	}
	for i := range after.Schedules {
		measured.Schedules = append(measured.Schedules, metrics.Schedule{Repo: after.Schedules[i].Repo, Type: after.Schedules[i].Type})
	}
	c.options.Metrics.Passed(p.State.Key, measured)
}

func waitingRuns(workflows []*wfv1.Workflow) int {
	count := 0
	for _, workflow := range workflows {
		if outcome.Running(workflow) && outcome.WaitsFor(workflow) != "" {
			count++
		}
	}
	return count
}

// end is the end of a run. argo retry runs a Workflow again under its name, from a later
// start.
type end struct {
	metrics.Schedule

	workflow string
	start    time.Time
}

// endedRuns are the backup runs whose end is not in the status before. Those of a status
// that was never written ended in another time: an upgrade must not count them again.
func endedRuns(before, after stanzaflowv1alpha1.StanzaStatus, workflows []*wfv1.Workflow) []metrics.Run {
	if len(before.Conditions) == 0 {
		return nil
	}
	known, ends := endsIn(before), endsIn(after)
	var runs []metrics.Run
	for _, e := range slices.SortedFunc(maps.Keys(ends), compareEnds) {
		if _, ok := known[e]; !ok {
			runs = append(runs, runOf(e, ends[e], workflows))
		}
	}
	return runs
}

// endsIn finds the ends that a status knows, and the result of each.
func endsIn(status stanzaflowv1alpha1.StanzaStatus) map[end]stanzaflowv1alpha1.RunResult {
	ends := map[end]stanzaflowv1alpha1.RunResult{}
	add := func(of metrics.Schedule, workflow string, start *metav1.Time, result stanzaflowv1alpha1.RunResult) {
		e := end{Schedule: of, workflow: workflow}
		if start != nil {
			e.start = start.UTC()
		}
		ends[e] = result
	}
	for i := range status.Schedules {
		entry := &status.Schedules[i]
		for j := range entry.Runs {
			run := &entry.Runs[j]
			add(metrics.Schedule{Repo: entry.Repo, Type: entry.Type}, run.Workflow, run.StartTime, run.Result)
		}
	}
	// A run by hand of a repo and type without a schedule is only there.
	if last := status.LastRun; outcome.Finished(last) {
		add(metrics.Schedule{Repo: last.Repo, Type: last.Type}, last.Workflow, last.StartTime, last.Result)
	}
	return ends
}

func compareEnds(a, b end) int {
	return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.workflow, b.workflow), cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.Type, b.Type))
}

// runOf is a run that has ended, with what its report says.
func runOf(e end, result stanzaflowv1alpha1.RunResult, workflows []*wfv1.Workflow) metrics.Run {
	run := metrics.Run{Schedule: e.Schedule, Result: result}
	index := slices.IndexFunc(workflows, func(w *wfv1.Workflow) bool { return w.Name == e.workflow })
	if index < 0 {
		if result != stanzaflowv1alpha1.RunSucceeded {
			run.Cause = metrics.CauseNoReport
		}
		return run
	}
	r, err := outcome.ReportOf(workflows[index])
	for _, step := range r.Steps {
		if run.Steps == nil {
			run.Steps = map[string]time.Duration{}
		}
		run.Steps[step.Name] = time.Duration(step.Seconds * float64(time.Second))
	}
	if result == stanzaflowv1alpha1.RunSucceeded {
		return run
	}
	run.Step = r.Step
	switch {
	case outcome.Show(workflows[index]).Result == vocab.ShownEnded:
		run.Cause = metrics.CauseEnded
	case err != nil:
		run.Cause = metrics.CauseNoReport
	case result == stanzaflowv1alpha1.RunHeld:
		run.Cause = metrics.CauseHeld
	case r.Code > 0:
		run.Cause = failure.Diagnose(r.Code, "").Name
	default:
		run.Cause = metrics.CauseOther
	}
	return run
}
