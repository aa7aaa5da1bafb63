// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/drill"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
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
	// By hand: repo1 is repaired, repo2 is not.
	runs = append(runs, run("p", "", 80, failed, missing), run("q", "", 70, good), from("repo2", run("r", "", 60, good)), from("repo2", run("s", "", 50, failed, missing)))
	want, _ := drill.Entries(nil, pass(runs...))
	wantRepos := drill.DrilledRepos(nil, want, pass(runs...))
	wantRecovery := drill.Recovery(nil, runs)
	if len(wantRepos) != 2 || wantRepos[0].Missing != nil || wantRepos[1].Missing == nil || wantRepos[1].Missing.Workflow != "s" {
		t.Errorf("%+v", wantRepos)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		random.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		half := random.IntN(len(runs))
		got, _ := drill.Entries(nil, pass(runs[:half]...))
		repos := drill.DrilledRepos(nil, got, pass(runs[:half]...))
		got, _ = drill.Entries(got, pass(runs...))
		repos = drill.DrilledRepos(repos, got, pass(runs...))
		got, _ = drill.Entries(got, pass(runs[half:]...)) // Argo has deleted the others.
		if diff := cmp.Diff(wantRepos, drill.DrilledRepos(repos, got, pass(runs[half:]...))); diff != "" {
			t.Fatalf("repos (-want +got):\n%s", diff)
		}
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

// Whether a drill is overdue depends on what the user has asked for, and not on what we change
// in its CronWorkflow.
func TestOverdueDespiteOurChanges(t *testing.T) {
	t.Parallel()
	inForce := stanzaflowv1alpha1.DrillStatus{Offset: "45m", InForceSince: ago(99 * time.Hour)}
	suspended := run("a", "newest", 1, running)
	suspended.Suspended = true
	for name, tc := range map[string]struct {
		// The user asked for 02:30.
		effective, offset string
		changed           time.Duration
		was               stanzaflowv1alpha1.DrillStatus
		proven            *metav1.Time
		runs              []outcome.Run
		want              bool
	}{
		"changed after the slot that was asked for, before the moved one": {effective: "15 3 * * *", offset: "45m", changed: 9 * time.Hour, want: true},
		"changed after the slot":                                           {effective: "15 3 * * *", offset: "45m", changed: 8 * time.Hour},
		"changed after the slot, which was in force before":                {effective: "15 3 * * *", offset: "45m", changed: 8 * time.Hour, was: inForce, want: true},
		"a drill is running":                                               {effective: "15 3 * * *", offset: "45m", changed: 9 * time.Hour, runs: []outcome.Run{run("a", "newest", 1, running)}},
		"a drill is running that somebody has suspended":                   {effective: "15 3 * * *", offset: "45m", changed: 9 * time.Hour, runs: []outcome.Run{suspended}, want: true},
		"was overdue with another window":                                  {effective: "15 3 * * *", offset: "45m", changed: 8 * time.Hour, was: stanzaflowv1alpha1.DrillStatus{Overdue: true}, want: true},
		"was overdue with another schedule":                                {effective: "15 3 * * *", offset: "45m", changed: 8 * time.Hour, was: stanzaflowv1alpha1.DrillStatus{Overdue: true, Schedule: "0 1 * * *"}},
		"the window has taken the slot away":                               {effective: "30 2 * * *", changed: 9 * time.Hour, was: stanzaflowv1alpha1.DrillStatus{Offset: "45m"}, want: true},
		"the window has taken the slot away, and there is a drill since":   {effective: "30 2 * * *", changed: 9 * time.Hour, was: stanzaflowv1alpha1.DrillStatus{Offset: "45m"}, proven: ago(9 * time.Hour)},
		"the window has moved the slot, and there is a drill of the old":   {effective: "15 3 * * *", offset: "45m", changed: 9 * time.Hour, proven: ago(9*time.Hour + 10*time.Minute)},
		"the window has moved the slot, and there is no drill of that day": {effective: "15 3 * * *", offset: "45m", changed: 9 * time.Hour, proven: ago(10 * time.Hour), want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pass(tc.runs...)
			o := object.New(object.CronWorkflow)
			o.SetName(manifest.DrillName(p.State.Key.Name, "newest"))
			o.SetCreationTimestamp(*ago(100 * time.Hour))
			o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: vocab.FieldManager, Operation: metav1.ManagedFieldsOperationApply, Time: ago(tc.changed)}})
			o.Object["spec"] = map[string]any{"schedules": []any{tc.effective}, "timezone": "UTC"}
			object.Annotate(o, vocab.AnnotationSchedule, "30 2 * * *")
			object.Annotate(o, vocab.AnnotationOffset, tc.offset)
			p.InForce = []*unstructured.Unstructured{o}
			was := tc.was
			was.Name, was.TimeZone = "newest", "UTC"
			if was.Schedule == "" {
				was.Schedule = "30 2 * * *"
			}
			if tc.proven != nil {
				was.LastProven = &stanzaflowv1alpha1.ProvenDrill{FinishTime: *tc.proven}
			}
			if entries, _ := drill.Entries([]stanzaflowv1alpha1.DrillStatus{was}, p); entries[0].Overdue != tc.want {
				t.Errorf("overdue is %t, want %t", entries[0].Overdue, tc.want)
			}
		})
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
		status.DrilledRepos = drill.DrilledRepos(nil, status.Drills, p)
		status.Recovery = drill.Recovery(nil, tc.runs)
		if tc.status != nil {
			tc.status(status.Drills)
		}
		if got := drill.Judge(p.State.Stanza.Spec, status, tc.runs); got.Reason != tc.want || len(got.Texts) == 0 {
			t.Errorf("%s: %s %q, want %s", name, got.Reason, got.Texts, tc.want)
		}
	}
}

// to has a drill restore to a target.
func to(target string) func(*report.Drill) { return func(d *report.Drill) { d.Target = target } }

// from has a drill restore from another repo.
func from(repo string, r outcome.Run) outcome.Run {
	r.Status.Repo = repo
	return r
}

// That data are missing holds until a good drill to Newest of the same repo has begun after
// it, whatever else ends meanwhile, and whether the Workflows are still there or not.
func TestMissingDataHold(t *testing.T) {
	t.Parallel()
	const moment = "2026-11-28 03:12:44+00"
	for name, tc := range map[string]struct {
		runs []outcome.Run
		want vocab.Reason
	}{
		"then the same to Immediate":      {[]outcome.Run{run("a", "newest", 9, failed, missing), run("b", "newest", 5, good, to("Immediate"))}, vocab.ReasonNewestUnreachable},
		"by hand, then a failure":         {[]outcome.Run{run("p", "newest", 20, good), run("a", "", 9, failed, missing), run("b", "", 5, failed)}, vocab.ReasonNewestUnreachable},
		"by hand, then held":              {[]outcome.Run{run("p", "newest", 20, good), run("a", "", 9, failed, missing), run("b", "", 5, heldRun)}, vocab.ReasonNewestUnreachable},
		"by hand, then stopped":           {[]outcome.Run{run("p", "newest", 20, good), run("a", "", 9, failed, missing), run("b", "", 5, lost)}, vocab.ReasonNewestUnreachable},
		"by hand, then a scheduled one":   {[]outcome.Run{run("a", "", 9, failed, missing), run("b", "newest", 5, good, to("Immediate"))}, vocab.ReasonNewestUnreachable},
		"then held":                       {[]outcome.Run{run("a", "newest", 9, failed, missing), run("b", "newest", 5, heldRun)}, vocab.ReasonNewestUnreachable},
		"then a failure":                  {[]outcome.Run{run("a", "newest", 9, failed, missing), run("b", "newest", 5, failed)}, vocab.ReasonNewestUnreachable},
		"then lost":                       {[]outcome.Run{run("a", "newest", 9, failed, missing), run("b", "newest", 5, lost)}, vocab.ReasonNewestUnreachable},
		"then another repo":               {[]outcome.Run{run("a", "newest", 9, failed, missing), from("repo2", run("b", "newest", 5, good))}, vocab.ReasonNewestUnreachable},
		"by hand, then another repo":      {[]outcome.Run{run("a", "", 9, failed, missing), from("repo2", run("b", "newest", 5, good))}, vocab.ReasonNewestUnreachable},
		"one repo of two is good":         {[]outcome.Run{from("repo2", run("a", "", 9, failed, missing)), run("b", "newest", 7, failed, missing), run("c", "newest", 5, good)}, vocab.ReasonNewestUnreachable},
		"then a random moment":            {[]outcome.Run{run("a", "newest", 9, failed, missing), run("b", "newest", 5, good, to("Random"))}, vocab.ReasonNewestUnreachable},
		"then a moment":                   {[]outcome.Run{run("a", "newest", 9, failed, missing), run("b", "newest", 5, good, to(moment))}, vocab.ReasonNewestUnreachable},
		"random, then random":             {[]outcome.Run{run("a", "anytime", 9, failed, missing, to("Random")), run("b", "anytime", 5, good, to("Random"))}, vocab.ReasonNewestUnreachable},
		"random, then by hand, then it":   {[]outcome.Run{run("a", "anytime", 9, failed, missing, to("Random")), run("b", "", 7, good), run("c", "anytime", 5, good, to("Random"))}, vocab.ReasonProven},
		"then the newest":                 {[]outcome.Run{run("a", "newest", 9, failed, missing), run("b", "newest", 5, good)}, vocab.ReasonProven},
		"by hand, then the newest":        {[]outcome.Run{run("a", "", 9, failed, missing), run("b", "newest", 5, good)}, vocab.ReasonProven},
		"then again":                      {[]outcome.Run{run("a", "newest", 9, failed, missing), run("b", "newest", 7, good), run("c", "newest", 5, failed, missing)}, vocab.ReasonNewestUnreachable},
		"one began before the other":      {[]outcome.Run{run("b", "newest", 9, good, func(d *report.Drill) { d.RestoreSeconds = 1 }), run("a", "", 9, failed, missing)}, vocab.ReasonNewestUnreachable},
		"of a drill that is removed":      {[]outcome.Run{run("a", "yearly", 9, failed, missing), run("b", "newest", 5, good, to("Immediate"))}, vocab.ReasonNewestUnreachable},
		"shown by another, not by itself": {[]outcome.Run{run("a", "anytime", 9, failed, missing), run("b", "newest", 5, good)}, vocab.ReasonDrillFailed},
	} {
		for how, looks := range map[string][][]outcome.Run{"all Workflows are there": {tc.runs}, "each is deleted before the next": oneByOne(tc.runs)} {
			var status stanzaflowv1alpha1.StanzaStatus
			for _, look := range looks {
				fold(&status, look)
			}
			if got := drill.Judge(pass().State.Stanza.Spec, status, looks[len(looks)-1]); got.Reason != tc.want {
				t.Errorf("%s, %s: %s %q, want %s", name, how, got.Reason, got.Texts, tc.want)
			}
		}
	}
}

func oneByOne(runs []outcome.Run) [][]outcome.Run {
	var looks [][]outcome.Run
	for _, r := range runs {
		looks = append(looks, []outcome.Run{r})
	}
	return append(looks, nil)
}

// fold adds a look at the Workflows to the status.
func fold(status *stanzaflowv1alpha1.StanzaStatus, runs []outcome.Run) {
	status.Drills, _ = drill.Entries(status.Drills, pass(runs...))
	status.DrilledRepos = drill.DrilledRepos(status.DrilledRepos, status.Drills, pass(runs...))
	status.Recovery = drill.Recovery(status.Recovery, runs)
}

// Proven needs a proof of a drill that the Stanza has, or of one by hand that is still there.
func TestProvenNeedsAProof(t *testing.T) {
	t.Parallel()
	hour := func(s *stanzaflowv1alpha1.StanzaSpec) {
		s.Objectives.RTO = &metav1.Duration{Duration: time.Hour}
		s.Drills = nil
	}
	old := []outcome.Run{run("a", "yearly", 2*365*24, good)}
	for name, tc := range map[string]struct {
		// before are Workflows that are deleted by now.
		before, runs []outcome.Run
		spec         func(*stanzaflowv1alpha1.StanzaSpec)
		want         vocab.Reason
		says         string
	}{
		"nothing measures the objective":      {before: old, spec: hour, want: vocab.ReasonNoDrillYet, says: "add one to spec.drills"},
		"nor does one by hand of long ago":    {before: []outcome.Run{run("a", "", 2*365*24, good)}, spec: hour, want: vocab.ReasonNoDrillYet},
		"one by hand does":                    {runs: []outcome.Run{run("a", "", 5, good)}, spec: hour, want: vocab.ReasonProven, says: "2026-11-29T07:10:00Z"},
		"a new drill never ran":               {before: old, want: vocab.ReasonNoDrillYet},
		"nor is one that was removed a proof": {runs: []outcome.Run{run("a", "yearly", 5, good)}, want: vocab.ReasonNoDrillYet},
		"a new drill runs":                    {before: old, runs: []outcome.Run{run("b", "newest", 1, running)}, want: vocab.ReasonNoDrillYet},
		"a success without a report":          {runs: []outcome.Run{{Kind: vocab.RunDrill, Drill: "newest", Status: stanzaflowv1alpha1.RunStatus{Workflow: "a", Result: good, FinishTime: ago(0)}}}, want: vocab.ReasonNoDrillYet},
		"a failure by hand":                   {before: old, runs: []outcome.Run{run("b", "", 1, failed)}, want: vocab.ReasonNoDrillYet},
		"one of two has ended well":           {before: []outcome.Run{run("a", "newest", 50, good)}, want: vocab.ReasonProven, says: "2026-11-27T10:10:00Z"},
		"the newest of both":                  {before: []outcome.Run{run("b", "anytime", 5, good), run("a", "newest", 50, good)}, want: vocab.ReasonProven, says: "2026-11-29T07:10:00Z"},
	} {
		spec := pass().State.Stanza.Spec
		if tc.spec != nil {
			tc.spec(&spec)
		}
		var status stanzaflowv1alpha1.StanzaStatus
		for _, look := range [][]outcome.Run{tc.before, tc.runs} {
			p := pass(look...)
			p.State.Stanza.Spec = spec
			status.Drills, _ = drill.Entries(status.Drills, p)
			status.Recovery = drill.Recovery(status.Recovery, look)
		}
		got := drill.Judge(spec, status, tc.runs)
		if got.Reason != tc.want || !strings.Contains(strings.Join(got.Texts, " "), tc.says) {
			t.Errorf("%s: %s %q, want %s %q", name, got.Reason, got.Texts, tc.want, tc.says)
		}
	}
}

// The status of an older operator says neither repo nor target of a run. It is judged on the
// safe side, and read without the Workflows.
func TestMissingDataOfAnOlderStatus(t *testing.T) {
	t.Parallel()
	older := func(runs ...outcome.Run) stanzaflowv1alpha1.StanzaStatus {
		var status stanzaflowv1alpha1.StanzaStatus
		status.Drills, _ = drill.Entries(nil, pass(runs...))
		for i := range status.Drills {
			for j := range status.Drills[i].Runs {
				status.Drills[i].Runs[j].Repo, status.Drills[i].Runs[j].Target = "", ""
			}
		}
		return status
	}
	a := run("a", "newest", 9, failed, missing)
	for name, tc := range map[string]struct {
		status stanzaflowv1alpha1.StanzaStatus
		since  []outcome.Run
		want   vocab.Reason
	}{
		"missing":                              {older(a), nil, vocab.ReasonNewestUnreachable},
		"and a failure since":                  {older(a, run("b", "newest", 5, failed)), nil, vocab.ReasonNewestUnreachable},
		"and Newest is proven":                 {older(a, run("b", "newest", 5, good)), nil, vocab.ReasonProven},
		"and Immediate is proven":              {older(a, run("b", "newest", 5, good, to("Immediate"))), nil, vocab.ReasonNewestUnreachable},
		"and another repo is":                  {older(a, from("repo2", run("b", "newest", 5, good))), nil, vocab.ReasonNewestUnreachable},
		"and nobody knows what a good one was": {older(a, run("b", "newest", 7, good), run("c", "newest", 5, good, to("Immediate"))), nil, vocab.ReasonNewestUnreachable},
		"and Newest since the upgrade":         {older(a), []outcome.Run{run("b", "newest", 5, good)}, vocab.ReasonProven},
		"a run without times":                  {stanzaflowv1alpha1.StanzaStatus{Drills: []stanzaflowv1alpha1.DrillStatus{{Name: "newest", Runs: []stanzaflowv1alpha1.DrillRun{{Workflow: "a", Result: failed, DataMissing: true}}}}}, nil, vocab.ReasonNewestUnreachable},
	} {
		p := pass(tc.since...)
		p.Repos = []string{"repo1", "repo2"}
		status := tc.status
		for range 3 {
			status.Drills, _ = drill.Entries(status.Drills, p)
			status.DrilledRepos = drill.DrilledRepos(status.DrilledRepos, status.Drills, p)
		}
		if got := drill.Judge(p.State.Stanza.Spec, status, p.Runs); got.Reason != tc.want {
			t.Errorf("%s: %s %q, want %s", name, got.Reason, got.Texts, tc.want)
		}
	}
}

// A repo that the cluster has no more cannot lack anything.
func TestMissingDataOfARepoThatIsGone(t *testing.T) {
	t.Parallel()
	p := pass(from("repo2", run("a", "", 9, failed, missing)))
	for want, repos := range [][]string{{"repo1"}, {"repo1", "repo2"}} {
		p.Repos = repos
		if got := drill.DrilledRepos(nil, nil, p); len(got) != want {
			t.Errorf("the cluster has %v: %+v", repos, got)
		}
	}
}
