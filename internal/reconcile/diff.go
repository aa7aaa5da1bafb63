// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// actions are what one pass does, and what it leaves alone.
type actions struct {
	// CreateStanza: the cluster has backup settings and no Stanza to report in.
	CreateStanza bool
	// DeleteStanza: ours, of a cluster that is gone, as are its schedules.
	DeleteStanza bool

	// Certificate: the one that we issue is to be there, and renewed in time.
	Certificate *certificateTask
	// Secrets of ours, which nobody can compare.
	Secrets []secretTask

	Create []*unstructured.Unstructured
	Update []change
	// Grow are claims whose volume is to be larger.
	Grow []change
	// Mismatched are claims that cannot become what is asked for.
	Mismatched []finding
	// Suspend sets spec.suspend and nothing else.
	Suspend []suspension
	// Drain are suspended CronWorkflows that wait for a run to end.
	Drain []*unstructured.Unstructured
	// Delete are CronWorkflows.
	Delete []*unstructured.Unstructured

	// Keep are objects that stay as they are because of a Problem.
	Keep []*unstructured.Unstructured
	// Refuse are planned objects whose name is not ours to use.
	Refuse []*unstructured.Unstructured
	// Blocked are planned objects that wait for Argo or the template.
	Blocked []*unstructured.Unstructured

	// Wake is when there is more to do although nothing may have changed.
	Wake time.Time
}

// change of an object that is there.
type change struct{ Want, Have *unstructured.Unstructured }

// suspension of a CronWorkflow.
type suspension struct {
	Object *unstructured.Unstructured
	Value  bool
	// Drain: it is the first step of its removal.
	Drain bool
}

// diff compares the planned objects with those that are there. It is pure.
func diff(state State, plan translate.Plan, want []*unstructured.Unstructured, now time.Time) actions {
	d := &difference{state: state, plan: plan, now: now, wanted: map[string]bool{}}
	for _, object := range want {
		d.wanted[id(object)] = true
		if kind := object.GetKind(); state.Foreign[id(object)] && (kind == claimKind.Kind || kind == statefulSetKind.Kind) {
			d.occupied = true
		}
	}
	d.todo.Certificate = certificateFor(state, plan)
	for _, object := range want {
		d.planned(object)
	}
	for _, have := range state.CronWorkflows {
		if !d.wanted[id(have)] {
			d.unplannedCronWorkflow(have)
		}
	}
	for _, have := range slices.Concat(state.ConfigMaps, state.StatefulSets) {
		if !d.wanted[id(have)] {
			d.unplannedConfiguration(have)
		}
	}
	d.stanza()
	return d.todo
}

type difference struct {
	state  State
	plan   translate.Plan
	now    time.Time
	wanted map[string]bool
	// occupied: somebody else has the name of a claim or of the repo host.
	occupied bool
	todo     actions
}

// planned decides about one planned object.
func (d *difference) planned(want *unstructured.Unstructured) {
	if d.state.Foreign[id(want)] {
		d.todo.Refuse = append(d.todo.Refuse, want)
		return
	}
	kind := want.GetKind()
	if kind == secretKind.Kind {
		d.todo.Secrets = append(d.todo.Secrets, secretTask{Want: want, CreateOnly: d.plan.Keep.Configuration})
		return
	}
	have := byName(*d.state.objects(kind))[want.GetName()]
	switch kind {
	case cronWorkflowKind.Kind:
		d.cronWorkflow(want, have)
	case claimKind.Kind:
		d.claim(want, have)
	default:
		d.configuration(want, have)
	}
}

// configuration creates what is not there, whatever is wrong elsewhere. Where a
// claim is somebody else's, nothing of ours may write into it, and PostgreSQL is
// not led to a repo host that does not serve it.
func (d *difference) configuration(want, have *unstructured.Unstructured) {
	kind := want.GetKind()
	switch {
	case have == nil && d.occupied && kind == statefulSetKind.Kind:
	case have == nil:
		d.todo.Create = append(d.todo.Create, want)
	case d.plan.Keep.Configuration:
		if kind == configMapKind.Kind || kind == statefulSetKind.Kind {
			d.todo.Keep = append(d.todo.Keep, have)
		}
	case d.occupied && (kind == configMapKind.Kind || kind == statefulSetKind.Kind):
	case differs(want, have):
		d.todo.Update = append(d.todo.Update, change{Want: want, Have: have})
	}
}

func (d *difference) cronWorkflow(want, have *unstructured.Unstructured) {
	switch usable := d.state.ArgoInstalled && d.state.Template.usable(); {
	case !usable && have == nil:
		d.todo.Blocked = append(d.todo.Blocked, want)
	case !usable:
		// What was good stays, but a user who suspends means it.
		d.todo.Blocked = append(d.todo.Blocked, want)
		d.setSuspend(have, suspended(want))
	case have == nil:
		d.todo.Create = append(d.todo.Create, want)
	case differs(want, have):
		d.todo.Update = append(d.todo.Update, change{Want: want, Have: have})
	}
}

// unplannedCronWorkflow is kept by a Problem, or on its way out.
func (d *difference) unplannedCronWorkflow(have *unstructured.Unstructured) {
	if d.plan.Keep.CronWorkflow(have.GetName()) {
		d.todo.Keep = append(d.todo.Keep, have)
		d.setSuspend(have, d.state.suspend())
		return
	}
	settled := settledAt(have, d.now)
	switch {
	case !suspended(have):
		d.todo.Suspend = append(d.todo.Suspend, suspension{Object: have, Value: true, Drain: true})
	case busy(d.state.Workflows, have):
		d.todo.Drain = append(d.todo.Drain, have)
	case settled.After(d.now):
		d.todo.Drain = append(d.todo.Drain, have)
		d.todo.Wake = earliest(d.todo.Wake, settled)
	default:
		d.todo.Delete = append(d.todo.Delete, have)
	}
}

// unplannedConfiguration stays, whatever the reason: the PostgreSQL pods archive
// and restore by it, and they do not go with the resource. Only a Problem is
// worth a word about it.
func (d *difference) unplannedConfiguration(have *unstructured.Unstructured) {
	if d.plan.Keep.Configuration {
		d.todo.Keep = append(d.todo.Keep, have)
	}
}

func (d *difference) setSuspend(have *unstructured.Unstructured, value bool) {
	if suspended(have) != value {
		d.todo.Suspend = append(d.todo.Suspend, suspension{Object: have, Value: value})
	}
}

// stanza: a cluster that has nothing to do with backups gets none, and one that
// somebody has written in is theirs, whoever made it: kubectl apply of a Stanza
// onto ours keeps our label.
func (d *difference) stanza() {
	state := d.state
	switch {
	case state.Postgresql != nil:
		_, section, _ := unstructured.NestedFieldNoCopy(state.Postgresql.Object, "spec", "backup", "pgbackrest")
		d.todo.CreateStanza = state.Stanza == nil && (section || len(d.plan.Problems) > 0)
	case state.Stanza == nil:
	case state.Stanza.Labels[vocab.LabelManagedBy] != vocab.ManagedBy, hasSpec(state.Stanza):
	default:
		// It lists the claims that are left.
		d.todo.DeleteStanza = len(state.CronWorkflows) == 0 && len(state.Claims) == 0 && !anyRunning(state.Workflows)
	}
}
