// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/drill"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// config is the ConfigMap of a cluster with a pod, or with none.
func config(pod string) *unstructured.Unstructured {
	c := object.New(object.ConfigMap)
	c.SetNamespace("db")
	c.SetName("shop-pgbackrest-drill-config")
	c.SetLabels(object.Labels("shop"))
	if pod != "" {
		c.Object["data"] = map[string]any{vocab.DrillConfigPod: pod}
	}
	return c
}

// The ConfigMap follows the plan. One that nobody plans is emptied, unless a drill runs.
func TestDiff(t *testing.T) {
	t.Parallel()
	aDrill := &wfv1.Workflow{}
	aDrill.Labels = map[string]string{vocab.LabelKind: string(vocab.RunDrill)}
	for name, tc := range map[string]struct {
		want, have *unstructured.Unstructured
		change     func(*object.State, *object.Planned)
		verb       object.Verb
	}{
		"none":                      {},
		"new":                       {want: config("a"), verb: object.Create},
		"as planned":                {want: config("a"), have: config("a")},
		"another":                   {want: config("a"), have: config("b"), verb: object.Update},
		"of somebody else":          {want: config("a"), change: func(s *object.State, _ *object.Planned) { s.Foreign["ConfigMap shop-pgbackrest-drill-config"] = true }, verb: object.Refuse},
		"no more":                   {have: config("a"), verb: object.Update},
		"empty already":             {have: config("")},
		"a Problem":                 {have: config("a"), change: func(_ *object.State, p *object.Planned) { p.Plan.Drills.KeepConfigMap = true }},
		"no more, and a drill runs": {have: config("a"), change: func(s *object.State, _ *object.Planned) { s.Workflows = []*wfv1.Workflow{aDrill} }},
	} {
		state := object.State{Key: types.NamespacedName{Namespace: "db", Name: "shop"}, Objects: object.Objects{}, Foreign: map[string]bool{}}
		if tc.have != nil {
			state.Objects.Add(tc.have)
		}
		planned := object.Planned{DrillConfig: tc.want}
		if tc.change != nil {
			tc.change(&state, &planned)
		}
		var verb object.Verb
		actions := drill.Diff(state, planned)
		for _, action := range actions {
			verb = action.Verb
		}
		if verb != tc.verb || len(actions) > 1 {
			t.Errorf("%s: %d actions, %q, want %q", name, len(actions), verb, tc.verb)
		}
		if verb == object.Update && tc.want == nil && actions[0].Want.Object["data"] != nil {
			t.Errorf("%s: it keeps %v", name, actions[0].Want.Object["data"])
		}
	}
}
