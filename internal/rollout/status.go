// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Standing is how the templates of a namespace stand to a bundle.
type Standing string

// Standings.
const (
	// Current: every object is as in the bundle.
	Current Standing = "current"
	// Missing: there is no object of the bundle.
	Missing Standing = "missing"
	// Incomplete: some objects of the bundle are missing.
	Incomplete Standing = "incomplete"
	// Behind: the contract or the release is older than that of the bundle.
	Behind Standing = "behind"
	// Ahead: the contract or the release is newer than that of the bundle.
	Ahead Standing = "ahead"
	// Changed: it had the bundle, and somebody has changed it since.
	Changed Standing = "changed"
	// Different: neither older nor newer as far as is known, and not the same.
	Different Standing = "different"
	// NotKnown: it could not be looked at.
	NotKnown Standing = "unknown"
)

// State is what is in one namespace.
type State struct {
	Namespace string   `json:"namespace"`
	Standing  Standing `json:"state"`
	// Release is the tag of the image in the templates, empty if they have none.
	Release string `json:"release,omitempty"`
	// Contracts of the templates, sorted.
	Contracts []string `json:"contracts,omitempty"`
	// Managers are who has set fields of the objects.
	Managers []string `json:"managers,omitempty"`
	// Missing objects, as kind and name.
	Missing []string `json:"missing,omitempty"`
	// Fields that are not as in the bundle.
	Fields []string `json:"fields,omitempty"`
	// Problem says why it is not current, in a sentence.
	Problem string `json:"problem,omitempty"`
}

// stanzasResource finds the namespaces that need templates.
var stanzasResource = schema.GroupVersionResource{Group: "stanzaflow.dev", Version: "v1alpha1", Resource: "stanzas"}

// Status says of each namespace how its objects stand to the bundle, in the order of their
// names. Without a target these are the namespaces with a Stanza, with our label, or with
// a template of ours.
func (s *Session) Status(ctx context.Context, target Target) ([]State, error) {
	if err := s.discover(ctx); err != nil {
		return nil, err
	}
	everywhere := len(target.Names) == 0 && target.Selector == ""
	if everywhere {
		target.Selector = vocab.LabelTemplates + "=" + vocab.TemplatesEnabled
	}
	namespaces, err := s.namespaces(ctx, target)
	if err != nil {
		return nil, err
	}
	if everywhere {
		if namespaces, err = s.addUsers(ctx, namespaces); err != nil {
			return nil, err
		}
	}
	if err := s.look(ctx, namespaces); err != nil {
		return nil, err
	}
	states := make([]State, 0, len(namespaces))
	inOrder(namespaces, func(n namespace) State { return s.stateOf(ctx, n.name) }, func(state State) { states = append(states, state) })
	return states, nil
}

// addUsers adds the namespaces with a Stanza or a template of ours to those with the label.
func (s *Session) addUsers(ctx context.Context, labelled []namespace) ([]namespace, error) {
	names := map[string]bool{}
	for _, n := range labelled {
		names[n.name] = true
	}
	templates := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflowtemplates"}
	for resource, selector := range map[schema.GroupVersionResource]string{stanzasResource: "", templates: vocab.LabelContract} {
		objects, err := s.Cluster.List(ctx, resource, "", selector)
		if err != nil {
			return nil, fmt.Errorf("cannot list %s in all namespaces, so name them with --namespaces: %s", resource.Resource, plain(err))
		}
		for i := range objects {
			names[objects[i].GetNamespace()] = true
		}
	}
	all := make([]namespace, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, namespace{name: name})
	}
	return all, nil
}

func (s *Session) stateOf(ctx context.Context, namespace string) State {
	live, err := s.liveIn(ctx, namespace)
	if err != nil {
		return State{Namespace: namespace, Standing: NotKnown, Problem: plain(err)}
	}
	return judge(namespace, planned(Bundle{Objects: s.objects(true)}, live))
}

// judge says how a namespace stands to the bundle.
func judge(namespace string, steps []step) State {
	state := State{Namespace: namespace, Standing: Current}
	differ, since := false, false
	managed, contracts := map[string]bool{}, map[string]bool{}
	for _, step := range steps {
		if step.live == nil {
			state.Missing = append(state.Missing, nameOf(step.want))
			continue
		}
		differ, since = differ || step.change == Configured, since || step.since
		for _, field := range step.fields {
			state.Fields = append(state.Fields, nameOf(step.want)+" "+field)
		}
		for _, manager := range managers(step.live) {
			managed[manager] = true
		}
		if value := step.live.GetLabels()[vocab.LabelContract]; value != "" {
			contracts[value] = true
		}
	}
	state.Managers, state.Contracts = slices.Sorted(maps.Keys(managed)), slices.Sorted(maps.Keys(contracts))
	var age contract.Age
	age, state.Release = ageOf(steps)
	switch missing := len(state.Missing); {
	case missing == len(steps):
		state.Standing, state.Missing, state.Problem = Missing, nil, "it has none of the "+fmt.Sprint(missing)+" objects"
	case age == contract.Older:
		state.Standing, state.Problem = Behind, "older than the bundle: "+wanted(steps)
	case age == contract.Newer:
		state.Standing, state.Problem = Ahead, "newer than the bundle: "+wanted(steps)
	case missing > 0:
		state.Standing, state.Problem = Incomplete, "these are missing: "+few(state.Missing)
	case since:
		state.Standing, state.Problem = Changed, "changed since it was applied: "+few(state.Fields)
	case differ:
		state.Standing, state.Problem = Different, "not as in the bundle: "+few(orMore(state.Fields))
	}
	return state
}

// wanted is what the templates of the bundle are.
func wanted(steps []step) string {
	release := ""
	var contracts []string
	for _, step := range steps {
		if step.want.GetKind() != kindTemplate {
			continue
		}
		if tag := releaseOf(step.want); release == "" {
			release = tag
		}
		if value := step.want.GetLabels()[vocab.LabelContract]; value != "" {
			contracts = append(contracts, value)
		}
	}
	slices.Sort(contracts)
	return strings.TrimSpace(release + " with " + strings.Join(contracts, ", "))
}

// orMore says something where only a field of another bundle is too much.
func orMore(fields []string) []string {
	if len(fields) == 0 {
		return []string{"fields that it does not have"}
	}
	return fields
}
