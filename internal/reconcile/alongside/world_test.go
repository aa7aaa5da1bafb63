// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alongside_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/alongside"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// history is how many Workflows Argo keeps.
const history = 8

// user is a field manager that is neither CPO's nor ours.
const user = "kubectl-edit"

// world is a cluster with both operators, Kubernetes and Argo, in simulated time. It
// moves in steps of a second.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	now   time.Time
	state object.State
	// cronWorkflows as they are in the API server, cronJobs by type.
	cronWorkflows map[string]*unstructured.Unstructured
	cronJobs      map[string]*object.CronJob
	// lastScheduled is what Argo remembers of a CronWorkflow, woken says that it has
	// changed, so that Argo looks for a missed slot.
	lastScheduled map[string]time.Time
	woken         map[string]bool
	runs          []*run
	// jobEnd is when the Job of a CronJob ends, jobs the slots that have one.
	jobEnd map[string]time.Time
	jobs   map[slot]bool
	// down is until when the operator is away, crash the number of actions after which
	// it goes.
	down  time.Time
	crash int
	// kubernetesDown is until when no Jobs are started.
	kubernetesDown time.Time
	argoDown       bool
	noTemplate     bool
	uids           int
	log            []string
	started        map[slot][]string
	excused        map[slot]bool
	scheduledFor   map[string]time.Time
	slots          map[slot]time.Time
	// seen is what the operator saw at its last pass.
	seen object.State
}

// run is a Workflow of ours.
type run struct {
	workflow   *unstructured.Unstructured
	backupType string
	slot       time.Time
	begins     time.Time
	ends       time.Time
	checked    bool
}

type slot struct {
	backupType string
	at         time.Time
}

var schedules = map[string]string{"full": "*/10 * * * *", "incr": "*/3 * * * *"}

// windows are those of the worlds, by seed. With the first one our incr starts 2 minutes after CPO's
// Job would, and our full 5 minutes.
var windows = []time.Duration{11 * time.Minute, 0}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: reconciletest.Moment("2026-11-29T10:00:00Z"), crash: -1,
		cronWorkflows: map[string]*unstructured.Unstructured{}, cronJobs: map[string]*object.CronJob{},
		lastScheduled: map[string]time.Time{}, woken: map[string]bool{}, jobEnd: map[string]time.Time{}, jobs: map[slot]bool{},
		started: map[slot][]string{}, excused: map[slot]bool{}, scheduledFor: map[string]time.Time{}, slots: map[slot]time.Time{},
	}
	postgresql := reconciletest.Postgresql(t, "db")
	for backupType, expression := range schedules {
		reconciletest.SetSchedule(postgresql, backupType, expression)
	}
	stanza := &stanzaflowv1alpha1.Stanza{}
	stanza.Name, stanza.Namespace = reconciletest.Cluster, "db"
	w.state = object.State{
		Key:        types.NamespacedName{Namespace: "db", Name: reconciletest.Cluster},
		Postgresql: postgresql, Stanza: stanza, Window: windows[seed%uint64(len(windows))], ArgoInstalled: true, Foreign: map[string]bool{},
	}
	for backupType := range schedules {
		w.createCronJob(backupType)
	}
	return w
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, w.now.Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

func (w *world) createCronJob(backupType string) {
	w.uids++
	w.cronJobs[backupType] = &object.CronJob{
		CronJob: cpo.CronJob{Repo: "repo1", Type: backupType, Created: w.now}, Namespace: "db", Name: "pgbackrest-shop-repo1-" + backupType,
		UID: types.UID(fmt.Sprintf("uid-%d", w.uids)), Schedule: schedules[backupType],
	}
	delete(w.jobEnd, backupType)
	w.note("CPO creates the CronJob %s", backupType)
}

// latest is the last slot of an expression.
func (w *world) latest(expression string) time.Time {
	key := slot{expression, w.now.Truncate(time.Minute)}
	if _, ok := w.slots[key]; !ok {
		w.slots[key] = times(expression).Latest(w.now)
	}
	return w.slots[key]
}

func times(expression string) schedule.Timetable {
	return schedule.ReadTimetable("UTC", []string{expression})
}

// kubernetes starts the Jobs, now and then some seconds late, and by what its cache
// holds: for two seconds after a change, perhaps what was there before it.
func (w *world) kubernetes() {
	if w.kubernetesDown.After(w.now) {
		return
	}
	for _, backupType := range slices.Sorted(maps.Keys(w.cronJobs)) {
		c := w.cronJobs[backupType]
		c.Running = w.jobEnd[backupType].After(w.now)
		at := w.latest(c.Schedule)
		suspended := c.Suspended
		if w.now.Sub(c.SuspendTime) < 2*time.Second && w.rng.IntN(2) == 0 {
			suspended = !suspended
		}
		if suspended || c.Running || !at.After(c.Created) || !at.After(c.LastSlot) || w.rng.IntN(3) == 0 {
			continue
		}
		if c.Deadline != nil && at.Add(time.Duration(*c.Deadline)*time.Second).Before(w.now) {
			continue
		}
		c.LastSlot = at
		w.jobs[slot{backupType, at}] = true
		w.jobEnd[backupType] = w.now.Add(time.Duration(5+w.rng.IntN(60)) * time.Second)
		w.start(slot{backupType, at}, "CPO")
	}
}

func (w *world) start(s slot, by string) {
	w.note("%s runs the slot %s of %s", by, s.at.Format("15:04"), s.backupType)
	w.started[s] = append(w.started[s], by)
}

// argo starts the Workflows, and lets them check who had their slot.
func (w *world) argo() {
	for _, name := range slices.Sorted(maps.Keys(w.cronWorkflows)) {
		if !w.argoDown {
			w.fire(name, w.cronWorkflows[name])
		}
	}
	for _, r := range w.runs {
		if !r.checked && !r.begins.After(w.now) {
			r.checked = true
			if c := w.cronJobs[r.backupType]; c != nil && c.Makes(r.slot) || w.jobs[slot{r.backupType, r.slot}] {
				w.note("the run of slot %s of %s is held: CPO had it", r.slot.Format("15:04"), r.backupType)
				r.ends = w.now
			} else {
				w.start(slot{r.backupType, r.slot}, "Stanzaflow")
			}
		}
		if !r.ends.IsZero() && !r.ends.After(w.now) {
			r.ends = time.Time{}
			reconciletest.SetRun(r.workflow, reconciletest.Run{Type: r.backupType, Phase: "Succeeded", Started: r.begins, Result: stanzaflowv1alpha1.RunSucceeded, Storage: "s3", Location: reconciletest.Location})
		}
	}
}

func (w *world) fire(name string, o *unstructured.Unstructured) {
	at := w.latest(schedule.Text(o))
	due := at.Equal(w.now)
	if due && o.GetAnnotations()[object.AnnotationLastUsed] == "" {
		object.Annotate(o, object.AnnotationLastUsed, "seen")
	}
	if w.woken[name] && w.lastScheduled[name].Before(at) && !w.lastScheduled[name].IsZero() && w.now.Before(at.Add(time.Minute)) {
		due = true
	}
	delete(w.woken, name)
	key := fmt.Sprintf("%s-%d", name, at.Unix())
	if !due || object.Suspended(o) || !w.scheduledFor[key].IsZero() {
		return
	}
	w.scheduledFor[key], w.lastScheduled[name] = w.now, at
	backupType := o.GetLabels()[vocab.LabelType]
	workflow := reconciletest.Workflow("db", reconciletest.Run{Name: key, Type: backupType, Phase: "Running", CronWorkflow: o, Started: w.now, UID: key})
	workflow.SetCreationTimestamp(metav1.NewTime(w.now))
	if len(w.runs) > history {
		w.runs = w.runs[1:]
	}
	begins := w.now.Add(time.Duration(2+w.rng.IntN(90)) * time.Second) // it may wait for another run
	w.runs = append(w.runs, &run{workflow: workflow, backupType: backupType, slot: at.Add(-schedule.Offset(o)), begins: begins, ends: begins.Add(time.Duration(5+w.rng.IntN(60)) * time.Second)})
}

// operator makes one pass.
func (w *world) operator() {
	if w.down.After(w.now) {
		return
	}
	state := w.observe()
	if w.seen, state = state, w.seen; state.Key.Name == "" || w.rng.IntN(3) > 0 {
		state = w.seen // otherwise its cache is late
	}
	planned, err := object.Translate(state, vocab.ProvisionedByCPO)
	if err != nil {
		w.t.Fatal(err)
	}
	handovers := alongside.Decide(state, planned, w.now)
	planned = alongside.Hold(planned, handovers)
	actions := append(schedule.Diff(state, planned, w.now), alongside.Actions(handovers)...)
	object.Order(actions)
	for i, action := range actions {
		if w.crash >= 0 && i >= w.crash {
			w.crash, w.down = -1, w.now.Add(time.Duration(1+w.rng.IntN(15))*time.Second)
			w.note("the operator crashes before %s", action.Verb)
			return
		}
		w.carryOut(action)
	}
	pass := status.Pass{State: state, Plan: planned.Plan, Actions: actions, Runs: outcome.ReadAll(state.Workflows, w.now), Handovers: handovers, Now: w.now}
	pass.Done.InForce = slices.Collect(maps.Values(w.cronWorkflows))
	w.state.Stanza.Status, _ = status.For(w.state.Stanza.Status, 1, pass)
}

func (w *world) observe() object.State {
	state := w.state
	state.Template = object.Template{Name: vocab.DefaultWorkflowTemplate, Found: !w.noTemplate, Version: "a.1", Contract: vocab.TemplateContract}
	state.Objects = object.Objects{}
	var list []*unstructured.Unstructured
	for _, o := range w.cronWorkflows {
		list = append(list, o.DeepCopy())
	}
	state.Objects.Set(object.CronWorkflow, list)
	state.CronJobs = nil
	for _, c := range w.cronJobs {
		state.CronJobs = append(state.CronJobs, *c)
	}
	object.SortCronJobs(state.CronJobs)
	state.Workflows = nil
	for _, r := range w.runs {
		state.Workflows = append(state.Workflows, object.DecodeWorkflow(r.workflow))
	}
	state.Stanza = w.state.Stanza.DeepCopy()
	return state
}

// carryOut does what the writer does with the API server.
func (w *world) carryOut(action object.Action) {
	name := action.Object().GetName()
	switch action.Verb { //nolint:exhaustive // the others write nothing
	case object.Create, object.Update:
		o := action.Want.DeepCopy()
		if was := w.cronWorkflows[name]; was != nil {
			o.SetCreationTimestamp(was.GetCreationTimestamp())
			if mark, ok := was.GetAnnotations()[object.AnnotationLastUsed]; ok {
				object.Annotate(o, object.AnnotationLastUsed, mark)
			}
		} else {
			o.SetCreationTimestamp(metav1.NewTime(w.now))
		}
		w.put(name, o)
	case object.Suspend, object.Retire, object.Hold:
		if w.cronWorkflows[name] == nil {
			return
		}
		o := object.AsSuspended(w.cronWorkflows[name])
		if action.Verb == object.Hold {
			object.Annotate(o, object.AnnotationLastUsed, "")
		}
		w.put(name, o)
	case object.Resume:
		o := w.cronWorkflows[name].DeepCopy()
		_ = unstructured.SetNestedField(o.Object, false, "spec", "suspend")
		w.put(name, o)
	case object.Delete:
		w.note("CronWorkflow %s is deleted", name)
		delete(w.cronWorkflows, name)
		delete(w.lastScheduled, name)
		w.runs = slices.DeleteFunc(w.runs, func(r *run) bool { return r.workflow.GetLabels()[object.LabelCronWorkflow] == name })
	case object.TakeOver, object.GiveBack, object.LiftDeadline:
		w.patch(action)
	default:
	}
}

func (w *world) put(name string, o *unstructured.Unstructured) {
	now := metav1.NewTime(w.now)
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: vocab.FieldManager, Time: &now}})
	w.cronWorkflows[name], w.woken[name] = o, true
	w.note("CronWorkflow %s has suspend %t", name, object.Suspended(o))
}

func (w *world) patch(action object.Action) {
	ours := w.cronWorkflows[action.Have.GetName()]
	for _, c := range w.cronJobs {
		switch {
		case c.UID != action.Have.GetUID(), c.Suspended == (action.Verb == object.TakeOver):
			continue
		case action.Verb == object.TakeOver && (ours == nil || object.Suspended(ours)),
			action.Verb == object.GiveBack && ours != nil && (!object.Suspended(ours) || object.Busy(w.observe().Workflows, ours)):
			continue // the writer asks the API server
		}
		if c.SuspendManager == user && action.Verb != object.LiftDeadline && w.now.Sub(c.SuspendTime) > time.Minute {
			w.t.Errorf("the operator would %s CronJob %s, which a user has changed", action.Verb, c.Name)
		}
		switch action.Verb { //nolint:exhaustive // these change a CronJob
		case object.TakeOver:
			c.Suspended, c.SuspendManager, c.SuspendTime = true, vocab.FieldManager, w.now
		case object.GiveBack:
			c.Suspended, c.SuspendManager, c.SuspendTime = false, vocab.FieldManager, w.now
			switch {
			case action.Deadline > 0:
				c.Deadline, c.DeadlineManager = new(action.Deadline), vocab.FieldManager
			case action.Lift:
				c.Deadline, c.DeadlineManager = nil, ""
			}
		default:
			c.Deadline, c.DeadlineManager = nil, ""
		}
		w.note("%s CronJob %s, deadline %d", action.Verb, c.Name, action.Deadline)
	}
}
