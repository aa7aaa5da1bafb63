// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"slices"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Diff plans the actions on the ConfigMap of the drills.
func Diff(state object.State, planned object.Planned) []object.Action {
	want, have := planned.DrillConfig, state.Objects.Find(object.ConfigMap, manifest.DrillConfigName(state.Key.Name))
	switch {
	case want != nil && state.Foreign[object.ID(want)]:
		return []object.Action{{Verb: object.Refuse, Want: want}}
	case want != nil && have == nil:
		return []object.Action{{Verb: object.Create, Want: want}}
	case want != nil && object.Differs(want, have):
		return []object.Action{{Verb: object.Update, Want: want, Have: have}}
	case want != nil, have == nil, planned.Plan.Drills.KeepConfigMap, running(state.Workflows):
		return nil
	}
	if nothing := emptied(have); object.Differs(nothing, have) {
		return []object.Action{{Verb: object.Update, Want: nothing, Have: have}}
	}
	return nil
}

// emptied is the ConfigMap of a cluster without drills: none can start from it. The operator
// has no right to delete a ConfigMap.
func emptied(have *unstructured.Unstructured) *unstructured.Unstructured {
	nothing := object.New(object.ConfigMap)
	nothing.SetNamespace(have.GetNamespace())
	nothing.SetName(have.GetName())
	nothing.SetLabels(object.Labels(have.GetLabels()[vocab.LabelCluster]))
	return nothing
}

// running reports whether a drill runs: a pod of it that is lost needs the ConfigMap again.
func running(workflows []*wfv1.Workflow) bool {
	return slices.ContainsFunc(workflows, func(w *wfv1.Workflow) bool { return outcome.KindOf(w) == vocab.RunDrill && outcome.Running(w) })
}
