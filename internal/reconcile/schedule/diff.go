// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// settle is how long after a schedule was due a run may appear that Argo started
// before it saw the suspension, or that our cache does not hold yet.
const settle = 30 * time.Second

// Diff plans the actions on CronWorkflows. It is pure.
func Diff(state object.State, planned object.Planned, now time.Time) []object.Action {
	d := &difference{
		state: state, usable: state.ArgoInstalled && state.Template.Usable(), keep: planned.Plan.Keep, held: planned.Held, pending: planned.Pending, now: now,
	}
	return d.all(planned.CronWorkflows, false)
}

// DiffDrills plans the actions on the CronWorkflows of the drills. It is pure.
func DiffDrills(state object.State, planned object.Planned, now time.Time) []object.Action {
	d := &difference{
		state: state, usable: state.ArgoInstalled && state.Drill.Usable(), keep: translate.Keep{CronWorkflows: planned.Plan.Drills.Kept, Everything: planned.Plan.Drills.KeepAll}, now: now,
	}
	return d.all(planned.Drills, true)
}

// all compares the CronWorkflows of the drills, or those of the backups.
func (d *difference) all(planned []*unstructured.Unstructured, drills bool) []object.Action {
	want := object.ByName(planned)
	for _, cronWorkflow := range planned {
		d.compare(cronWorkflow)
	}
	for _, have := range d.state.Objects[object.CronWorkflow] {
		if object.OfDrill(have) == drills && want[have.GetName()] == nil {
			d.remove(have)
		}
	}
	return d.actions
}

type difference struct {
	state object.State
	// usable: their WorkflowTemplate is there and keeps its contract.
	usable  bool
	keep    translate.Keep
	held    map[string]bool
	pending map[string]bool
	now     time.Time
	actions []object.Action
}

func (d *difference) add(action object.Action) { d.actions = append(d.actions, action) }

// compare decides about a planned CronWorkflow.
func (d *difference) compare(want *unstructured.Unstructured) {
	have := d.state.Objects.Find(object.CronWorkflow, want.GetName())
	switch {
	case d.state.Foreign[object.ID(want)]:
		d.add(object.Action{Verb: object.Refuse, Want: want})
	case !d.usable:
		d.add(object.Action{Verb: object.Block, Want: want, Have: have})
		if have != nil {
			// The last good one stays, but a user who suspends means it.
			d.setSuspend(have, object.Suspended(want))
		}
	case have == nil:
		d.add(object.Action{Verb: object.Create, Want: want})
	case suspendedInArgo(want, have):
		// Only that is undone, so that slots that were missed still count.
		d.add(object.Action{Verb: object.Resume, Have: have})
	case object.Differs(want, have):
		d.add(object.Action{Verb: object.Update, Want: want, Have: have})
	}
}

// suspendedInArgo reports whether a CronWorkflow differs from what is planned only because
// somebody else has suspended it.
func suspendedInArgo(want, have *unstructured.Unstructured) bool {
	return !object.Suspended(want) && object.SuspendedBy(have) != "" && !object.Differs(object.AsSuspended(want), have)
}

// remove decides about a CronWorkflow that is not planned: a Problem keeps it, or
// it is being removed.
func (d *difference) remove(have *unstructured.Unstructured) {
	if d.keep.CronWorkflow(have.GetName()) {
		d.add(object.Action{Verb: object.Keep, Have: have})
		d.setSuspend(have, d.state.Suspended() || d.held[have.GetName()])
		return
	}
	settled := SettledAt(have, d.now)
	switch {
	case !object.Suspended(have):
		d.add(object.Action{Verb: object.Retire, Have: have})
	case object.Busy(d.state.Workflows, have), d.pending[have.GetName()]:
		d.add(object.Action{Verb: object.Drain, Have: have})
	case settled.After(d.now):
		d.add(object.Action{Verb: object.Drain, Have: have, Wake: settled})
	default:
		d.add(object.Action{Verb: object.Delete, Have: have})
	}
}

func (d *difference) setSuspend(have *unstructured.Unstructured, value bool) {
	switch {
	case object.Suspended(have) == value:
	case value:
		d.add(object.Action{Verb: object.Suspend, Have: have})
	default:
		d.add(object.Action{Verb: object.Resume, Have: have})
	}
}

// SettledAt is when a suspended CronWorkflow can have no run that we do not see.
func SettledAt(cronWorkflow *unstructured.Unstructured, now time.Time) time.Time {
	due := TimetableOf(cronWorkflow).Latest(now)
	if due.IsZero() {
		return now
	}
	return due.Add(settle)
}
