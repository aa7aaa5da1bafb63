// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"slices"
	"time"
	"unique"

	"github.com/prometheus/client_golang/prometheus"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// Run is a run that has ended.
type Run struct {
	Schedule

	Result stanzaflowv1alpha1.RunResult
	// Step that it failed in, and Cause: pgBackRest's own word for its exit code, or one of
	// the Causes. Both are empty if it succeeded.
	Step, Cause string
	// Steps that have ended, by their names.
	Steps map[string]time.Duration
}

// Causes of a run without a proven backup for which pgBackRest has no word.
const (
	// CauseHeld: no backup could or was to be made.
	CauseHeld = "held"
	// CauseEnded: a person stopped the run, or it was out of time.
	CauseEnded = "ended"
	// CauseNoReport: the run left no report.
	CauseNoReport = "no-report"
	// CauseOther: a check of ours refused, or the cluster could not be reached.
	CauseOther = "other"
)

// results are how a run can end.
var results = []stanzaflowv1alpha1.RunResult{
	stanzaflowv1alpha1.RunSucceeded, stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld, stanzaflowv1alpha1.RunUnknown,
}

// stepBuckets are seconds, from a check to a night.
var stepBuckets = []float64{1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800}

// Counters of a cluster since this process knows it.
var (
	runsTotal = newCounter("stanzaflow_runs_total",
		"Runs that have ended since the operator started, by result. Only Succeeded means that a backup is proven.", labelRepo, labelType, labelResult)
	runFailures = newCounter("stanzaflow_run_failures_total",
		"Runs that have ended without a proven backup since the operator started, by the step that failed and the cause: pgBackRest's word for its exit code, or held, ended, no-report, other.", labelRepo, labelType, labelStep, "cause")
)

// counter is one of a cluster. A CounterVec takes 900 bytes for each, and a cluster with
// three schedules has twelve.
type counter struct {
	of     *family
	values unique.Handle[values]
	number uint64
}

// count adds the runs that a pass has seen end.
func (k *known) count(pass Pass) {
	for _, schedule := range pass.Schedules {
		for _, result := range results {
			k.add(0, runsTotal, schedule.Repo, schedule.Type, string(result))
		}
	}
	for _, run := range pass.Ended {
		k.add(1, runsTotal, run.Repo, run.Type, string(run.Result))
		if run.Result != stanzaflowv1alpha1.RunSucceeded {
			k.add(1, runFailures, run.Repo, run.Type, run.Step, run.Cause)
		}
	}
}

func (k *known) add(number uint64, of *family, labels ...string) {
	v := unique.Make(valuesOf(of, labels))
	at := slices.IndexFunc(k.counters, func(c counter) bool { return c.of == of && c.values == v })
	if at < 0 {
		at, k.counters = len(k.counters), append(k.counters, counter{of: of, values: v})
	}
	k.counters[at].number += number
}

// steps are how long the steps of runs took, over all clusters.
type steps struct {
	*prometheus.Registry

	seconds *prometheus.HistogramVec
}

func newSteps() steps {
	s := steps{Registry: prometheus.NewRegistry(), seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "stanzaflow_run_step_duration_seconds",
		Help:    "How long the steps of runs took since the operator started, over all clusters, with their attempts and waits.",
		Buckets: stepBuckets,
	}, []string{labelType, labelStep})}
	s.MustRegister(s.seconds)
	return s
}

func (s steps) observe(ended []Run) {
	for _, run := range ended {
		for step, took := range run.Steps {
			s.seconds.WithLabelValues(run.Type, step).Observe(took.Seconds())
		}
	}
}
