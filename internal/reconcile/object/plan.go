// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Planned is a Plan with its objects in the form in which they are applied.
type Planned struct {
	Plan translate.Plan
	// Configuration is in the order in which it is applied. It is empty where
	// another owns the configuration.
	Configuration []*unstructured.Unstructured
	CronWorkflows []*unstructured.Unstructured
	// Drills are the CronWorkflows of the drills, and DrillConfig their ConfigMap, nil if
	// none is planned.
	Drills      []*unstructured.Unstructured
	DrillConfig *unstructured.Unstructured
	// Held are the names of the CronWorkflows that start no runs because CPO makes
	// their backups.
	Held map[string]bool
	// Pending are the names of the CronWorkflows that must not be deleted yet.
	Pending map[string]bool
}

// Objects lists the CronWorkflows last: a run needs the others.
func (p Planned) Objects() []*unstructured.Unstructured {
	objects := slices.Concat(p.Configuration, p.CronWorkflows, p.Drills)
	if p.DrillConfig != nil {
		objects = append(objects, p.DrillConfig)
	}
	return objects
}

// Translate plans for what was observed. Without a postgresql nothing is planned.
func Translate(state State, by vocab.Provisioner) (Planned, error) {
	var p Planned
	if state.Postgresql == nil {
		return p, nil
	}
	cluster, fieldErrors := cpo.Decode(state.Postgresql.Object)
	input := translate.Input{
		Provisioner: by, Cluster: cluster, FieldErrors: fieldErrors,
		Claim: state.Claim(), Undecided: state.Undecided != "", EmptySchedule: state.CPO.EmptySchedule, Taken: state.Taken, TemplateVersion: state.Template.Version,
		Window: translate.Window{Template: state.Template.Window, Default: state.Window}, StartOverdue: state.StartOverdue, Drill: state.Drill.Observed,
	}
	if state.Stanza != nil {
		input.Stanza = state.Stanza.Spec
		input.Known = state.Stanza.Status.Repos
	}
	if state.Released {
		input.Stanza.Managed = new(false)
	}
	p.Plan = translate.Translate(input)
	var err error
	if p.Configuration, err = encodeAll(p.Plan.Provision.Objects()); err != nil {
		return p, err
	}
	cronWorkflows := make([]any, 0, len(p.Plan.Schedules))
	for i := range p.Plan.Schedules {
		cronWorkflows = append(cronWorkflows, &p.Plan.Schedules[i])
	}
	if p.CronWorkflows, err = encodeAll(cronWorkflows); err != nil {
		return p, err
	}
	if err := p.encodeDrills(); err != nil {
		return p, err
	}
	track(state, p.CronWorkflows)
	track(state, p.Drills)
	return p, nil
}

// encodeDrills encodes the drills, which nothing else depends on.
func (p *Planned) encodeDrills() error {
	planned := &p.Plan.Drills
	cronWorkflows := make([]any, 0, len(planned.CronWorkflows))
	for i := range planned.CronWorkflows {
		cronWorkflows = append(cronWorkflows, &planned.CronWorkflows[i])
	}
	var err error
	if p.Drills, err = encodeAll(cronWorkflows); err != nil || planned.ConfigMap == nil {
		return err
	}
	p.DrillConfig, err = Encode(planned.ConfigMap)
	return err
}

// encodeAll returns planned objects in the form in which they are applied. It
// fails for a kind that the table of kinds does not let us write.
func encodeAll(typed []any) ([]*unstructured.Unstructured, error) {
	objects := make([]*unstructured.Unstructured, 0, len(typed))
	for _, t := range typed {
		object, err := Encode(t)
		if err != nil {
			return nil, err
		}
		kind, ok := lookup(object.GroupVersionKind())
		if !ok || kind.Ownership == ReadOnly {
			return nil, fmt.Errorf("cannot plan %s: the table of kinds does not let us write %s", ID(object), object.GroupVersionKind())
		}
		if kind.Ownership == Part {
			Annotate(object, vocab.AnnotationApplied, digest(object))
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// Encode returns an object with just the fields that we own, and with numbers of
// the types that the API server's answers have, so that the two can be compared.
func Encode(typed any) (*unstructured.Unstructured, error) {
	content, err := manifest.Object(typed)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("cannot encode %T: %w", typed, err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("cannot decode %T: %w", typed, err)
	}
	return u, nil
}
