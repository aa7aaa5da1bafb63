// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"encoding/json"
	"slices"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/expr/argoexpr"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"

	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

const predeployExamples = root + "/examples/pre-deploy/"

// predeployWorkflows are the Workflows of the examples: the hook of Argo CD, and what the
// trigger of the Sensor creates.
func predeployWorkflows(t *testing.T) map[string]map[string]any {
	t.Helper()
	type object = map[string]any
	hook := given.Documents(t, predeployExamples+"argo-cd/predeploy.yaml")[0]
	sensor := given.Documents(t, predeployExamples+"argo-events/sensor.yaml")[0]
	trigger := sensor["spec"].(object)["triggers"].([]any)[0].(object)["template"].(object)["k8s"].(object)
	return map[string]object{"argo-cd": hook, "argo-events": trigger["source"].(object)["resource"].(object)}
}

func TestPredeployExamplesPassArgosValidation(t *testing.T) {
	getter, crds := namespace(t), argoCRDs(t, "workflows")
	for name, object := range predeployWorkflows(t) {
		workflow := given.Typed[wfv1.Workflow](t, name, object)
		if err := validate.ValidateWorkflow(getter, noClusterTemplates, workflow, nil, validate.ValidateOpts{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// A controller with templateReferencing Strict checks this.
		if err := util.ValidateUserOverrides(&workflow.Spec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, parameter := range workflow.Spec.Arguments.Parameters {
			declared := getter[workflow.Spec.WorkflowTemplateRef.Name].Spec.Arguments.GetParameterByName(parameter.Name)
			if declared == nil || len(declared.Enum) > 0 && !slices.Contains(declared.Enum, *parameter.Value) {
				t.Errorf("%s: the template has no parameter %s with the value %s", name, parameter.Name, parameter.Value)
			}
		}
		for variant, crd := range crds {
			if err := crd.Check(object); err != nil {
				t.Errorf("%s: the %s CRD refuses it: %v", name, variant, err)
			}
			if lost := crd.Pruned(object); lost != "" {
				t.Errorf("%s: the %s CRD drops fields:\n%s", name, variant, lost)
			}
		}
	}
}

// TestEventBinding shows which events the selector of the example selects, and which name
// and parameters the Workflow gets.
func TestEventBinding(t *testing.T) {
	object := given.Documents(t, predeployExamples+"argo-server/binding.yaml")[0]
	for variant, crd := range argoCRDs(t, "workfloweventbindings") {
		if err := crd.Check(object); err != nil {
			t.Errorf("the %s CRD refuses it: %v", variant, err)
		}
		if lost := crd.Pruned(object); lost != "" {
			t.Errorf("the %s CRD drops fields:\n%s", variant, lost)
		}
	}
	binding := given.Typed[wfv1.WorkflowEventBinding](t, "binding.yaml", object)
	const published = `{"action": "published", "release": {"id": 208714125}, "repository": {"full_name": "example/shop"}}`
	for title, event := range map[string]struct {
		header, payload string
		want            bool
	}{
		"a release":             {"release", published, true},
		"another event":         {"push", published, false},
		"no action":             {"release", `{}`, false},
		"another action":        {"release", `{"action": "deleted", "release": {"id": 1}, "repository": {"full_name": "example/shop"}}`, false},
		"of another repository": {"release", `{"action": "published", "release": {"id": 1}, "repository": {"full_name": "example/shop2"}}`, false},
	} {
		var payload any
		if err := json.Unmarshal([]byte(event.payload), &payload); err != nil {
			t.Fatal(err)
		}
		environment := map[string]any{
			"namespace": "cpo", "discriminator": "release", "payload": payload,
			"metadata": map[string]any{"x-github-event": []any{event.header}},
		}
		if got, err := argoexpr.EvalBool(binding.Spec.Event.Selector, environment); err != nil || got != event.want {
			t.Errorf("%s is selected: %t %v, want %t", title, got, err, event.want)
		}
		if event.want {
			if named, err := argoexpr.EvalBool(binding.Spec.Submit.Name+` == "release-208714125"`, environment); err != nil || !named {
				t.Errorf("the name of the Workflow is not that of the release: %v", err)
			}
		}
	}
	template := namespace(t)[binding.Spec.Submit.WorkflowTemplateRef.Name]
	for _, parameter := range binding.Spec.Submit.Arguments.Parameters {
		if template.Spec.Arguments.GetParameterByName(parameter.Name) == nil {
			t.Errorf("the template has no parameter %s", parameter.Name)
		}
	}
}
