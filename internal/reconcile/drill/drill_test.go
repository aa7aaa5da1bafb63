// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/drill"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) *metav1.Time { return new(metav1.NewTime(now.Add(-d))) }

// run is a drill that began some hours ago and took ten minutes.
func run(name, of string, hours int, result stanzaflowv1alpha1.RunResult, change ...func(*report.Drill)) outcome.Run {
	r := outcome.Run{Kind: vocab.RunDrill, Drill: of, Status: stanzaflowv1alpha1.RunStatus{
		Workflow: name, Repo: "repo1", Result: result, StartTime: ago(time.Duration(hours) * time.Hour),
	}}
	if result == stanzaflowv1alpha1.RunRunning {
		return r
	}
	r.Status.FinishTime = ago(time.Duration(hours)*time.Hour - 10*time.Minute)
	r.Tried = &report.Drill{Backup: "of " + name, Target: "Newest", RestoreSeconds: 60, ReplaySeconds: 30.25, FirstQuerySeconds: 1, ProvisionSeconds: 500}
	for _, f := range change {
		f(r.Tried)
	}
	return r
}

const (
	good    = stanzaflowv1alpha1.RunSucceeded
	failed  = stanzaflowv1alpha1.RunFailed
	heldRun = stanzaflowv1alpha1.RunHeld
	lost    = stanzaflowv1alpha1.RunUnknown
	running = stanzaflowv1alpha1.RunRunning
)

func missing(d *report.Drill) { d.DataMissing = true }

func pass(runs ...outcome.Run) drill.Pass {
	stanza := &stanzaflowv1alpha1.Stanza{}
	stanza.Spec.Drills = []stanzaflowv1alpha1.Drill{{Name: "newest"}, {Name: "anytime"}}
	return drill.Pass{State: object.State{Stanza: stanza, ArgoInstalled: true}, Runs: runs, Now: now}
}

// Whatever the order in which runs are seen, and how often, the status is the same.
func TestFoldDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	var runs []outcome.Run
	results := []stanzaflowv1alpha1.RunResult{good, failed, heldRun, lost}
	for i := range 14 {
		runs = append(runs, run(string(rune('a'+i)), []string{"newest", "anytime"}[i%2], 100-i, results[i%4]))
	}
	want, _ := drill.Entries(nil, pass(runs...))
	wantRecovery := drill.Recovery(nil, runs)
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		random.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		half := random.IntN(len(runs))
		got, _ := drill.Entries(nil, pass(runs[:half]...))
		got, _ = drill.Entries(got, pass(runs...))
		got, _ = drill.Entries(got, pass(runs[half:]...)) // Argo has deleted the others.
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantRecovery, drill.Recovery(drill.Recovery(nil, runs[half:]), runs[:half])); diff != "" {
			t.Fatalf("recovery (-want +got):\n%s", diff)
		}
	}
}

// What is lost is no success, and an end that is known is not taken back.
func TestFold(t *testing.T) {
	t.Parallel()
	retried := run("a", "newest", 3, running)
	retried.Status.StartTime = ago(time.Hour)
	for name, tc := range map[string]struct {
		first, then   []outcome.Run
		last          string
		result        stanzaflowv1alpha1.RunResult
		ended, proven string
	}{
		"good":                       {then: []outcome.Run{run("a", "newest", 3, good)}, last: "a", result: good, ended: "a", proven: "a"},
		"deleted before it was over": {first: []outcome.Run{run("a", "newest", 3, running)}, last: "a", result: lost, ended: "a"},
		"a late look":                {first: []outcome.Run{run("a", "newest", 3, failed)}, then: []outcome.Run{run("a", "newest", 3, running)}, last: "a", result: failed, ended: "a"},
		"argo retry":                 {first: []outcome.Run{run("a", "newest", 3, failed)}, then: []outcome.Run{retried}, last: "a", result: running},
		"of another drill":           {then: []outcome.Run{run("a", "anytime", 3, good)}},
		"by hand":                    {then: []outcome.Run{run("a", "", 3, good)}},
		"a backup":                   {then: []outcome.Run{{Kind: vocab.RunBackup, Drill: "newest", Status: stanzaflowv1alpha1.RunStatus{Workflow: "a", Result: good}}}},
		"a success without a report": {then: []outcome.Run{{Kind: vocab.RunDrill, Drill: "newest", Status: stanzaflowv1alpha1.RunStatus{Workflow: "a", Result: good, FinishTime: ago(0)}}}, last: "a", result: good, ended: "a"},
		"a failure after it":         {first: []outcome.Run{run("a", "newest", 9, good)}, then: []outcome.Run{run("b", "newest", 3, failed)}, last: "b", result: failed, ended: "b", proven: "a"},
	} {
		entries, _ := drill.Entries(nil, pass(tc.first...))
		entries, _ = drill.Entries(entries, pass(tc.then...))
		is := entries[0]
		last, result, ended, proven := "", stanzaflowv1alpha1.RunResult(""), "", ""
		if is.LastRun != nil {
			last, result = is.LastRun.Workflow, is.LastRun.Result
		}
		if len(is.Runs) > 0 {
			ended = is.Runs[0].Workflow
		}
		if is.LastProven != nil {
			proven = is.LastProven.Workflow
		}
		if diff := cmp.Diff([]any{tc.last, tc.result, tc.ended, tc.proven}, []any{last, result, ended, proven}); diff != "" {
			t.Errorf("%s: last run, its result, the last that ended, proven (-want +got):\n%s", name, diff)
		}
	}
}

// never is a drill whose pod does not start.
func never(name, of string, hours int) outcome.Run {
	r := run(name, of, hours, running)
	r.Status.Message = "the pod was Pending for 15 minutes: Unschedulable: quota, StorageClass or node; its events say more"
	return r
}

// A pod that may still start has the operator look again, and one that has not says so
// until it does.
func TestPendingInTheStatus(t *testing.T) {
	t.Parallel()
	soon := run("a", "newest", 0, running)
	soon.Wake = now.Add(10 * time.Minute)
	entries, wake := drill.Entries(nil, pass(soon))
	if !wake.Equal(soon.Wake) || entries[0].LastRun.Message != "" {
		t.Errorf("wake %s, %+v", wake, entries[0].LastRun)
	}
	entries, wake = drill.Entries(entries, pass(never("a", "newest", 0)))
	if !wake.IsZero() || !outcome.NeverStarted(entries[0].LastRun) || len(entries[0].Runs) != 0 {
		t.Errorf("wake %s, %+v", wake, entries[0])
	}
	entries, _ = drill.Entries(entries, pass(run("a", "newest", 0, running)))
	if entries[0].LastRun.Message != "" {
		t.Errorf("it has started: %+v", entries[0].LastRun)
	}
	byHand := soon
	byHand.Drill = ""
	if _, wake = drill.Entries(nil, pass(byHand)); !wake.IsZero() {
		t.Errorf("wake %s for a drill that is in no entry", wake)
	}
}

// What a good run has measured is remembered when a newer one is lastProven, and of another
// run nothing is.
func TestRunsRememberWhatTheyMeasured(t *testing.T) {
	t.Parallel()
	sized := func(d *report.Drill) { d.DatabaseBytes, d.WALBytes = 1<<30, 1<<26 }
	entries, _ := drill.Entries(nil, pass(run("a", "newest", 9, good, sized)))
	entries, _ = drill.Entries(entries, pass(run("b", "newest", 5, failed, sized), run("c", "newest", 2, good)))
	runs := entries[0].Runs
	if len(runs) != 3 || entries[0].LastProven.Workflow != "c" {
		t.Fatalf("%+v", entries[0])
	}
	if p := runs[0].Phases; p == nil || p.Restore.Duration != time.Minute || runs[0].DatabaseBytes != 0 {
		t.Errorf("c: %+v", runs[0])
	}
	if runs[1].Phases != nil || runs[1].DatabaseBytes != 0 || runs[1].WALBytes != 0 {
		t.Errorf("a failure has measured something: %+v", runs[1])
	}
	if p := runs[2].Phases; p == nil || p.Replay.Duration != 30250*time.Millisecond || runs[2].DatabaseBytes != 1<<30 || runs[2].WALBytes != 1<<26 {
		t.Errorf("a: %+v", runs[2])
	}
}

// Without Argo's kinds nobody knows what runs.
func TestNothingIsLostWithoutArgo(t *testing.T) {
	t.Parallel()
	before, _ := drill.Entries(nil, pass(run("a", "newest", 3, running)))
	p := pass()
	p.State.ArgoInstalled = false
	if after, _ := drill.Entries(before, p); after[0].LastRun.Result != running {
		t.Errorf("the run is %s", after[0].LastRun.Result)
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	is := drill.Recovery(nil, []outcome.Run{run("a", "newest", 9, good), run("b", "", 3, good), run("c", "newest", 1, failed)})
	// The 500 s until the pod had started are not in it.
	if is.Workflow != "b" || is.Drill != "" || is.RTO.Duration != 91250*time.Millisecond || is.RPO != nil {
		t.Errorf("%+v", is)
	}
}

// The worst decides.
func TestJudge(t *testing.T) {
	t.Parallel()
	overdue := func(entries []stanzaflowv1alpha1.DrillStatus) { entries[1].Overdue = true }
	hour := func(s *stanzaflowv1alpha1.StanzaSpec) { s.Objectives.RTO = &metav1.Duration{Duration: time.Hour} }
	second := func(s *stanzaflowv1alpha1.StanzaSpec) { s.Objectives.RTO = &metav1.Duration{Duration: time.Second} }
	for name, tc := range map[string]struct {
		runs   []outcome.Run
		status func([]stanzaflowv1alpha1.DrillStatus)
		spec   func(*stanzaflowv1alpha1.StanzaSpec)
		want   vocab.Reason
	}{
		"none":                   {want: vocab.ReasonNoDrillYet},
		"one runs":               {runs: []outcome.Run{run("a", "newest", 1, running)}, want: vocab.ReasonNoDrillYet},
		"one is good":            {runs: []outcome.Run{run("a", "newest", 1, good)}, spec: hour, want: vocab.ReasonProven},
		"one takes too long":     {runs: []outcome.Run{run("a", "newest", 1, good)}, spec: second, want: vocab.ReasonRTOExceeded},
		"one was held":           {runs: []outcome.Run{run("a", "newest", 1, heldRun), run("b", "anytime", 1, good)}, want: vocab.ReasonHeld},
		"one failed":             {runs: []outcome.Run{run("a", "newest", 1, failed), run("b", "anytime", 1, good)}, spec: second, want: vocab.ReasonDrillFailed},
		"one was lost":           {runs: []outcome.Run{run("a", "newest", 1, lost)}, want: vocab.ReasonDrillFailed},
		"one never starts":       {runs: []outcome.Run{run("a", "newest", 9, good), never("b", "newest", 1)}, want: vocab.ReasonDrillPending},
		"the first never starts": {runs: []outcome.Run{never("a", "newest", 1)}, spec: second, want: vocab.ReasonDrillPending},
		"failed, never starts":   {runs: []outcome.Run{run("a", "newest", 9, failed), never("b", "newest", 1)}, want: vocab.ReasonDrillFailed},
		"missing, never starts":  {runs: []outcome.Run{run("a", "newest", 9, failed, missing), never("b", "newest", 1)}, want: vocab.ReasonNewestUnreachable},
		"a good one since then":  {runs: []outcome.Run{never("a", "newest", 3), run("b", "anytime", 1, good)}, want: vocab.ReasonProven},
		"one is good again":      {runs: []outcome.Run{run("a", "newest", 2, failed), run("b", "newest", 1, good)}, want: vocab.ReasonProven},
		"one is overdue":         {runs: []outcome.Run{run("a", "newest", 1, good)}, status: overdue, spec: second, want: vocab.ReasonDrillOverdue},
		"failed and overdue":     {runs: []outcome.Run{run("a", "newest", 1, failed)}, status: overdue, want: vocab.ReasonDrillFailed},
		"data are missing":       {runs: []outcome.Run{run("a", "newest", 1, failed, missing), run("b", "anytime", 1, failed)}, status: overdue, want: vocab.ReasonNewestUnreachable},
		"missing, by hand":       {runs: []outcome.Run{run("a", "", 1, failed, missing), run("b", "newest", 5, good)}, want: vocab.ReasonNewestUnreachable},
		"good since then":        {runs: []outcome.Run{run("a", "", 5, failed, missing), run("b", "newest", 1, good)}, want: vocab.ReasonProven},
		"a failure by hand":      {runs: []outcome.Run{run("a", "", 1, failed), run("b", "newest", 5, good)}, want: vocab.ReasonProven},
		"only an objective, yet": {spec: func(s *stanzaflowv1alpha1.StanzaSpec) { hour(s); s.Drills = nil }, want: vocab.ReasonNoDrillYet},
	} {
		p := pass(tc.runs...)
		if tc.spec != nil {
			tc.spec(&p.State.Stanza.Spec)
		}
		var status stanzaflowv1alpha1.StanzaStatus
		status.Drills, _ = drill.Entries(nil, p)
		status.Recovery = drill.Recovery(nil, tc.runs)
		if tc.status != nil {
			tc.status(status.Drills)
		}
		if got := drill.Judge(p.State.Stanza.Spec, status, tc.runs); got.Reason != tc.want || len(got.Texts) == 0 {
			t.Errorf("%s: %s %q, want %s", name, got.Reason, got.Texts, tc.want)
		}
	}
}
