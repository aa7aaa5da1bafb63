// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/internal/when"
)

// noon is when every test begins.
var noon = time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)

const (
	cluster  = "orders"
	location = "s3://bucket/orders/repo1"
)

// world is a cluster, its API server and the operator, which passes over it.
type world struct {
	t  testing.TB
	in trigger.Input
	// workflows are those that the API server has, by name.
	workflows map[string]*wfv1.Workflow
	// created are all that there ever were.
	created []*wfv1.Workflow
	wake    time.Time
	// missing are the types of which a backup of repo1 is due and none is proven.
	missing map[string]bool
	// skew is how far the clock of the API server is ahead of the operator's.
	skew time.Duration
}

// newWorld is a cluster with one repo, whose backups are proven, and a ready primary.
func newWorld(t testing.TB, triggers ...plan.Trigger) *world {
	t.Helper()
	w := &world{t: t, workflows: map[string]*wfv1.Workflow{}, missing: map[string]bool{}}
	w.in = trigger.Input{
		Cluster: cpo.Postgresql{Namespace: "shop", Name: cluster, Version: "17", PgBackRest: &cpo.PgBackRest{}},
		Repos:   []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Storage: cpo.StorageS3, Location: location}},
		Initial: []plan.Initial{{Repo: "repo1", Kind: vocab.RunBackup}}, Triggers: triggers,
		Seen: trigger.Seen{Objects: map[string][]trigger.Object{}, Primary: &trigger.Primary{Pod: "orders-0", Ready: true}},
		Runs: []outcome.Run{},
		Now:  noon,
	}
	w.prove("20261129-110000F", noon.Add(-time.Hour), "by-hand")
	return w
}

// prove has a run prove a backup of repo1.
func (w *world) prove(label string, at time.Time, workflow string) {
	w.in.Repos[0].LastBackup = &stanzaflowv1alpha1.BackupStatus{
		Label: label, Repo: "repo1", Type: cpo.Full, Workflow: workflow, StartTime: metav1.NewTime(at.Add(-time.Minute)), StopTime: metav1.NewTime(at),
	}
}

// pass has the operator look once: it creates what it decides to, and writes the status.
func (w *world) pass() {
	w.t.Helper()
	w.in.Existing = map[string]*wfv1.Workflow{}
	for _, name := range trigger.Pending(cluster, w.in.Before) {
		if there := w.workflows[name]; there != nil {
			w.in.Existing[name] = there
		}
	}
	w.judge()
	decision := trigger.Decide(w.in)
	after := decision.After
	for _, start := range decision.Start {
		after = trigger.Fired(after, start, w.create(start))
	}
	w.in.Before, w.wake = stored(w.t, after), decision.Wake
}

// judge says which schedules of repo1 are overdue. As in the status none is while a run of its
// type that has begun may still make the backup.
func (w *world) judge() {
	for i := range w.in.Schedules {
		s := &w.in.Schedules[i]
		if s.Repo == "repo1" {
			s.Overdue = w.missing[s.Type] && !slices.ContainsFunc(w.in.Runs, func(r outcome.Run) bool {
				return r.Status.Repo == s.Repo && r.Status.Type == s.Type && r.Status.Result == stanzaflowv1alpha1.RunRunning && !r.NotBegun
			})
		}
	}
}

// stored is a status as the API server gives it back.
func stored(t testing.TB, triggers []stanzaflowv1alpha1.TriggerStatus) []stanzaflowv1alpha1.TriggerStatus {
	t.Helper()
	text, err := json.Marshal(triggers)
	if err != nil {
		t.Fatal(err)
	}
	var back []stanzaflowv1alpha1.TriggerStatus
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// create creates the Workflow of a Start, or returns the one that has its name.
func (w *world) create(start trigger.Start) *wfv1.Workflow {
	if there := w.workflows[start.Name]; there != nil {
		return there
	}
	run := start.Workflow(w.in.Cluster, stanzaflowv1alpha1.StanzaSpec{})
	run.CreationTimestamp = metav1.NewTime(w.in.Now.Add(w.skew)).Rfc3339Copy()
	w.workflows[run.Name] = run
	w.created = append(w.created, run)
	w.in.Runs = append(w.in.Runs, outcome.Run{Kind: start.Kind, Status: stanzaflowv1alpha1.RunStatus{
		Workflow: run.Name, Repo: start.Repo, Type: start.Type, Trigger: start.Value, Result: stanzaflowv1alpha1.RunRunning,
	}})
	return run
}

// end ends the newest run.
func (w *world) end(result stanzaflowv1alpha1.RunResult, message string) {
	w.t.Helper()
	if len(w.created) == 0 {
		w.t.Fatal("there is no run to end")
	}
	name := w.created[len(w.created)-1].Name
	for i := range w.in.Runs {
		if w.in.Runs[i].Status.Workflow == name {
			w.in.Runs[i].Status.Result, w.in.Runs[i].Status.Message = result, message
		}
	}
	if result == stanzaflowv1alpha1.RunSucceeded && w.created[len(w.created)-1].Labels[vocab.LabelKind] == string(vocab.RunBackup) {
		w.prove("label-of-"+name, w.in.Now, name)
	}
}

// after lets time pass and has the operator look, as often as it wants to and once more.
func (w *world) after(d time.Duration) {
	w.t.Helper()
	end := w.in.Now.Add(d)
	w.pass()
	for n := 0; !w.wake.IsZero() && w.wake.Before(end); n++ {
		if w.wake.After(w.in.Now) {
			w.in.Now = w.wake
		}
		w.pass()
		if n > 100 {
			w.t.Fatalf("the operator looks for ever: %s", w)
		}
	}
	w.in.Now = end
	w.pass()
	w.pass()
}

// status of a trigger.
func (w *world) status(name string) stanzaflowv1alpha1.TriggerStatus {
	for _, s := range w.in.Before {
		if s.Name == name {
			return s
		}
	}
	return stanzaflowv1alpha1.TriggerStatus{}
}

// runs are the runs that were started, each as: type trigger: causes.
func (w *world) runs() []string {
	var runs []string
	for _, run := range w.created {
		runs = append(runs, fmt.Sprintf("%s %s: %s", run.Labels[vocab.LabelType], run.Labels[vocab.LabelTrigger], strings.Join(causesOf(w.t, run), " | ")))
	}
	return runs
}

func causesOf(t testing.TB, run *wfv1.Workflow) []string {
	t.Helper()
	var causes []string
	if err := json.Unmarshal([]byte(run.Annotations[vocab.AnnotationCauses]), &causes); err != nil {
		t.Fatal(err)
	}
	return causes
}

func (w *world) wantRuns(want ...string) {
	w.t.Helper()
	if got := w.runs(); !slices.Equal(got, want) {
		w.t.Fatalf("runs are\n  %s\nwant\n  %s\n%s", strings.Join(got, "\n  "), strings.Join(want, "\n  "), w)
	}
}

func (w *world) wantMessage(name, want string) {
	w.t.Helper()
	if got := w.status(name).Message; got != want {
		w.t.Errorf("%s says %q, want %q", name, got, want)
	}
}

func (w *world) String() string {
	text, err := json.MarshalIndent(w.in.Before, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// failover is a trigger as in docs/triggers.md.
func failover() plan.Trigger {
	return plan.Trigger{Name: "failover", Event: stanzaflowv1alpha1.OnFailover, Type: cpo.Incr, Repo: "repo1", Cooldown: 10 * time.Minute}
}

// release is a trigger on a change of the image of a Deployment.
func release(t testing.TB) plan.Trigger {
	t.Helper()
	program, err := when.Compile("old.spec.image != new.spec.image")
	if err != nil {
		t.Fatal(err)
	}
	return plan.Trigger{
		Name: "release", Event: stanzaflowv1alpha1.OnChange, Type: cpo.Incr, Repo: "repo1", When: program,
		Of: plan.Objects{Kind: "Deployment", Name: "web"},
	}
}

// deployment is the object that release follows.
func deployment(name, uid string, generation int64, image string) trigger.Object {
	return trigger.Object{
		Kind: "Deployment", Name: name, UID: uid, Generation: generation,
		Content: map[string]any{"kind": "Deployment", "metadata": map[string]any{"name": name}, "spec": map[string]any{"image": image}},
	}
}

// sees has the operator see Deployments.
func (w *world) sees(objects ...trigger.Object) { w.in.Seen.Objects["release"] = objects }
