// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/metrics"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// passes is a Metrics that keeps the last pass.
type passes map[types.NamespacedName]metrics.Pass

func (p passes) Passed(key types.NamespacedName, pass metrics.Pass) { p[key] = pass }

// ended is a Workflow of the cluster orders that has ended with a report.
func ended(t *testing.T, name string, r report.Report) *wfv1.Workflow {
	t.Helper()
	r.Kind, r.Run, r.Cluster, r.Repo, r.Type = vocab.RunBackup, "uid-"+name, "orders", "repo1", "incr"
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{
		Name: name, UID: types.UID("uid-" + name),
		Labels: map[string]string{vocab.LabelCluster: "orders", vocab.LabelRepo: "repo1", vocab.LabelType: "incr"},
	}}
	w.Status.Phase = wfv1.WorkflowFailed
	w.Status.Outputs = &wfv1.Outputs{Parameters: []wfv1.Parameter{{Name: vocab.OutputReport, Value: wfv1.AnyStringPtr(string(text))}}}
	return w
}

// TestEachRunIsMeasuredOnce folds runs into a status as passes do, and says what is counted
// of them.
func TestEachRunIsMeasuredOnce(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	status := func(runs ...stanzaflowv1alpha1.FinishedRun) stanzaflowv1alpha1.StanzaStatus {
		return stanzaflowv1alpha1.StanzaStatus{
			Conditions: []metav1.Condition{{Type: vocab.ConditionReady}},
			Schedules:  []stanzaflowv1alpha1.ScheduleStatus{{Repo: "repo1", Type: "incr", Runs: runs}},
		}
	}
	finished := func(name string, minutes int, result stanzaflowv1alpha1.RunResult) stanzaflowv1alpha1.FinishedRun {
		return stanzaflowv1alpha1.FinishedRun{Workflow: name, Result: result, StartTime: new(metav1.NewTime(start.Add(time.Duration(minutes) * time.Minute)))}
	}
	const good, bad, held = stanzaflowv1alpha1.RunSucceeded, stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld
	incr := metrics.Schedule{Repo: "repo1", Type: "incr"}
	stopped := ended(t, "stopped", report.Report{Result: bad, Step: "backup"})
	stopped.Status.Message = "Stopped with strategy 'Stop'"
	mute := ended(t, "mute", report.Report{Result: bad})
	mute.Status.Outputs = nil
	byHand := status()
	byHand.LastRun = &stanzaflowv1alpha1.RunStatus{Workflow: "full", Repo: "repo2", Type: "full", Result: good, StartTime: new(metav1.NewTime(start))}
	for name, tc := range map[string]struct {
		before, after stanzaflowv1alpha1.StanzaStatus
		workflow      *wfv1.Workflow
		want          []metrics.Run
	}{
		"nothing has ended": {before: status(finished("a", 0, good)), after: status(finished("a", 0, good))},
		"a proven backup": {
			status(), status(finished("a", 0, good)),
			ended(t, "a", report.Report{Result: good, Step: "verify", Backup: &report.Backup{Label: "x", Start: start, Stop: start}, Steps: []report.Step{{Name: "backup", Seconds: 90.5}, {Name: "verify", Seconds: 2}}}),
			[]metrics.Run{{Schedule: incr, Result: good, Steps: map[string]time.Duration{"backup": 90500 * time.Millisecond, "verify": 2 * time.Second}}},
		},
		"an exit code": {
			status(finished("a", 0, good)), status(finished("b", 30, bad), finished("a", 0, good)),
			ended(t, "b", report.Report{Result: bad, Step: "backup", Code: 82}),
			[]metrics.Run{{Schedule: incr, Result: bad, Step: "backup", Cause: "archive-timeout"}},
		},
		"a check of ours refused": {
			status(), status(finished("a", 0, bad)), ended(t, "a", report.Report{Result: bad, Step: "precheck"}),
			[]metrics.Run{{Schedule: incr, Result: bad, Step: "precheck", Cause: metrics.CauseOther}},
		},
		"held": {
			status(), status(finished("a", 0, held)), ended(t, "a", report.Report{Result: held, Step: "precheck"}),
			[]metrics.Run{{Schedule: incr, Result: held, Step: "precheck", Cause: metrics.CauseHeld}},
		},
		"stopped": {
			status(), status(finished("stopped", 0, bad)), stopped,
			[]metrics.Run{{Schedule: incr, Result: bad, Step: "backup", Cause: metrics.CauseEnded}},
		},
		"without a report": {status(), status(finished("mute", 0, bad)), mute, []metrics.Run{{Schedule: incr, Result: bad, Cause: metrics.CauseNoReport}}},
		"its Workflow is deleted": {
			status(), status(finished("gone", 0, stanzaflowv1alpha1.RunUnknown)), mute,
			[]metrics.Run{{Schedule: incr, Result: stanzaflowv1alpha1.RunUnknown, Cause: metrics.CauseNoReport}},
		},
		"argo retry ends it again": {
			status(finished("a", 0, bad)), status(finished("a", 10, good)), mute, []metrics.Run{{Schedule: incr, Result: good}},
		},
		"by hand, without a schedule": {status(), byHand, mute, []metrics.Run{{Schedule: metrics.Schedule{Repo: "repo2", Type: "full"}, Result: good}}},
		"a status that was never written": {
			stanzaflowv1alpha1.StanzaStatus{}, status(finished("a", 0, good)), mute, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := endedRuns(tc.before, tc.after, []*wfv1.Workflow{tc.workflow}); !cmp.Equal(tc.want, got) {
				t.Errorf("(-want +got):\n%s", cmp.Diff(tc.want, got))
			}
		})
	}
}

// TestPassIsMeasured with the runs that wait.
func TestPassIsMeasured(t *testing.T) {
	t.Parallel()
	waits := &wfv1.Workflow{}
	waits.Status.Phase = wfv1.WorkflowRunning
	waits.Status.Synchronization = &wfv1.SynchronizationStatus{Mutex: &wfv1.MutexStatus{Waiting: []wfv1.MutexHolding{{Mutex: "pgbackrest-orders"}}}}
	forCap := &wfv1.Workflow{}
	forCap.Status.Phase = wfv1.WorkflowRunning
	forCap.Status.Nodes = wfv1.Nodes{"a": {Phase: wfv1.NodePending, SynchronizationStatus: &wfv1.NodeSynchronizationStatus{Waiting: "argo/ConfigMap/pgbackrest-caps/all"}}}
	over := waits.DeepCopy()
	over.Status.Phase = wfv1.WorkflowFailed
	key := types.NamespacedName{Namespace: "shop", Name: "orders"}
	reported := passes{}
	c := &Controller{options: Options{Metrics: reported}}
	watched := time.Date(2026, 11, 22, 2, 5, 0, 0, time.UTC)
	var p pass
	p.Watch = &status.Watch{Interval: 5 * time.Minute, Seen: archiving.Seen{Samples: []report.Sample{{Time: watched, WAL: &report.WAL{}}}}}
	p.State = object.State{Key: key, Workflows: []*wfv1.Workflow{waits, forCap, over}}
	after := stanzaflowv1alpha1.StanzaStatus{Schedules: []stanzaflowv1alpha1.ScheduleStatus{{Repo: "repo1", Type: "full"}}}
	c.measure(after, after, p)
	want := passes{key: {Watched: watched, WatchInterval: 5 * time.Minute, WatchMaxAge: 16 * time.Minute, Runway: 24 * time.Hour, Waiting: 2, Schedules: []metrics.Schedule{{Repo: "repo1", Type: "full"}}}}
	if diff := cmp.Diff(want, reported); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
