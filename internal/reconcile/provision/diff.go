// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Diff plans the actions that make the configuration exist. It is pure.
func Diff(state object.State, planned object.Planned, issued *Issued) []object.Action {
	d := &difference{state: state, keep: planned.Plan.Keep.Configuration}
	d.occupied = slices.ContainsFunc(planned.Configuration, func(o *unstructured.Unstructured) bool {
		return object.KindOf(o.GroupVersionKind()).Serves && state.Foreign[object.ID(o)]
	})
	if issues(state, planned.Plan) {
		verb := object.Issue
		if leaves(state, planned.Plan) {
			verb = object.Renew
		}
		d.add(object.Action{Verb: verb, Want: certificateSecret(state.Key), Valid: certificateDuration(state, planned.Plan, issued)})
	}
	for _, o := range planned.Configuration {
		d.compare(o)
	}
	return d.actions
}

// KeepUnplanned returns an action for every existing object that is not planned
// and that a Problem keeps. All others stay too, whatever the reason: the
// PostgreSQL pods archive and restore by them, and outlive the postgresql.
func KeepUnplanned(state object.State, planned object.Planned) []object.Action {
	if !planned.Plan.Keep.Configuration {
		return nil
	}
	want := map[string]bool{}
	for _, o := range planned.Configuration {
		want[object.ID(o)] = true
	}
	var actions []object.Action
	for _, kind := range object.Watched("") {
		for _, have := range state.Objects[kind] {
			if object.KindOf(kind).Steers && !want[object.ID(have)] && !strings.HasSuffix(have.GetName(), vocab.DrillConfigSuffix) {
				actions = append(actions, object.Action{Verb: object.Keep, Have: have})
			}
		}
	}
	return actions
}

type difference struct {
	state object.State
	// keep: a Problem keeps the configuration.
	keep bool
	// occupied: another owner uses the name of a claim or of the repo host.
	occupied bool
	actions  []object.Action
}

func (d *difference) add(action object.Action) { d.actions = append(d.actions, action) }

// compare decides about one planned object.
func (d *difference) compare(want *unstructured.Unstructured) {
	kind := object.KindOf(want.GroupVersionKind())
	have := d.state.Objects.Find(kind.GVK, want.GetName())
	switch {
	case d.state.Foreign[object.ID(want)]:
		d.add(object.Action{Verb: object.Refuse, Want: want})
	case kind.Ownership == object.WriteOnly && d.keep:
		d.add(object.Action{Verb: object.EnsureSecret, Want: want})
	case kind.Ownership == object.WriteOnly:
		d.add(object.Action{Verb: object.WriteSecret, Want: want})
	case kind.Ownership == object.CreateOnly:
		d.compareClaim(want, have)
	default:
		d.compareConfiguration(kind, want, have)
	}
}

// compareConfiguration plans to create a missing object, whatever is wrong
// elsewhere. If another owner has the name of a claim or of the repo host,
// nothing of ours may write into that claim, and PostgreSQL must not be led to a
// repo host that does not serve it.
func (d *difference) compareConfiguration(kind object.Kind, want, have *unstructured.Unstructured) {
	switch {
	case have == nil && d.occupied && kind.Serves:
	case have == nil:
		d.add(object.Action{Verb: object.Create, Want: want})
	case d.keep && kind.Steers:
		d.add(object.Action{Verb: object.Keep, Want: want, Have: have})
	case d.keep, d.occupied && kind.Steers:
	case object.Differs(want, have):
		d.add(object.Action{Verb: object.Update, Want: want, Have: have})
	}
}
