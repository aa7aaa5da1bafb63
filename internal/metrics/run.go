// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

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

// runs are the counters of this process.
type runs struct {
	total, failures *prometheus.CounterVec
	steps           *prometheus.HistogramVec
}

func newRuns() runs {
	labels := []string{labelNamespace, labelCluster, labelRepo, labelType}
	return runs{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stanzaflow_runs_total",
			Help: "Runs that have ended since the operator started, by result. Only Succeeded means that a backup is proven.",
		}, append(labels[:4:4], labelResult)),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stanzaflow_run_failures_total",
			Help: "Runs that have ended without a proven backup since the operator started, by the step that failed and the cause: pgBackRest's word for its exit code, or held, ended, no-report, other.",
		}, append(labels[:4:4], labelStep, "cause")),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "stanzaflow_run_step_duration_seconds",
			Help:    "How long the steps of runs took since the operator started, over all clusters, with their attempts and waits.",
			Buckets: stepBuckets,
		}, []string{labelType, labelStep}),
	}
}

// count adds the runs that a pass has seen end.
func (r runs) count(key types.NamespacedName, pass Pass) {
	for _, schedule := range pass.Schedules {
		for _, result := range results {
			r.total.WithLabelValues(key.Namespace, key.Name, schedule.Repo, schedule.Type, string(result))
		}
	}
	for _, run := range pass.Ended {
		r.total.WithLabelValues(key.Namespace, key.Name, run.Repo, run.Type, string(run.Result)).Inc()
		if run.Result != stanzaflowv1alpha1.RunSucceeded {
			r.failures.WithLabelValues(key.Namespace, key.Name, run.Repo, run.Type, run.Step, run.Cause).Inc()
		}
		for step, took := range run.Steps {
			r.steps.WithLabelValues(run.Type, step).Observe(took.Seconds())
		}
	}
}

// forget drops the counters of a cluster that is gone.
func (r runs) forget(key types.NamespacedName) {
	of := prometheus.Labels{labelNamespace: key.Namespace, labelCluster: key.Name}
	r.total.DeletePartialMatch(of)
	r.failures.DeletePartialMatch(of)
}

func (r runs) Describe(out chan<- *prometheus.Desc) {
	r.total.Describe(out)
	r.failures.Describe(out)
	r.steps.Describe(out)
}

func (r runs) Collect(out chan<- prometheus.Metric) {
	r.total.Collect(out)
	r.failures.Collect(out)
	r.steps.Collect(out)
}
