// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argo4

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/util/logging"
	"github.com/argoproj/argo-workflows/v4/workflow/templateresolution"
	"github.com/argoproj/argo-workflows/v4/workflow/validate"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

const root = "../.."

// quiet is the context that Argo's functions need: it carries a logger.
func quiet(t *testing.T) context.Context {
	t.Helper()
	logger := logging.NewSlogLoggerCustom(logging.Error, logging.Text, io.Discard)
	return logging.WithLogger(t.Context(), logger)
}

// templates are the WorkflowTemplates of a namespace.
type templates map[string]*wfv1.WorkflowTemplate

func (t templates) Get(_ context.Context, name string) (*wfv1.WorkflowTemplate, error) {
	if template, ok := t[name]; ok {
		return template.DeepCopy(), nil
	}
	return nil, fmt.Errorf("there is no WorkflowTemplate %s", name)
}

// namespace returns the shipped template, also under the other name that a golden uses.
func namespace(t *testing.T) templates {
	t.Helper()
	found := templates{}
	for _, template := range given.Templates(t, root) {
		if template.Component == "" {
			typed := given.Typed[wfv1.WorkflowTemplate](t, template.Name(), template.Object)
			found[typed.Name] = typed
		}
	}
	compact, err := found.Get(t.Context(), vocab.DefaultWorkflowTemplate)
	if err != nil {
		t.Fatal(err)
	}
	compact.Name = "pgbackrest-backup-compact"
	found[compact.Name] = compact
	return found
}

// crds returns both variants of a CRD. Argo 4 installs the full one, which has more
// rules than that of Argo 3.
func crds(t *testing.T, plural string) map[string]given.CRD {
	t.Helper()
	return given.ArgoCRDs(t, "github.com/argoproj/argo-workflows/v4", plural)
}

var noClusterTemplates = &templateresolution.NullClusterWorkflowTemplateGetter{}

func validateTemplate(t *testing.T, template *wfv1.WorkflowTemplate) error {
	t.Helper()
	return validate.WorkflowTemplate(quiet(t), templates{}, noClusterTemplates, template, nil, validate.Opts{})
}

func TestWorkflowTemplates(t *testing.T) {
	schemas := crds(t, "workflowtemplates")
	for _, template := range given.Templates(t, root) {
		if err := validateTemplate(t, given.Typed[wfv1.WorkflowTemplate](t, template.Name(), template.Object)); err != nil {
			t.Errorf("%s: %v", template.Name(), err)
		}
		check(t, template.Name(), schemas, template.Object)
	}
}

func TestCronWorkflows(t *testing.T) {
	schemas, getter := crds(t, "cronworkflows"), namespace(t)
	for name, object := range given.CronWorkflows(t, root) {
		c := given.Typed[wfv1.CronWorkflow](t, name, object)
		if err := validate.CronWorkflow(quiet(t), getter, noClusterTemplates, c, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		check(t, name, schemas, object)
	}
}

// check fails the test unless the CRDs accept the object as written and drop nothing.
func check(t *testing.T, name string, schemas map[string]given.CRD, object map[string]any) {
	t.Helper()
	for variant, crd := range schemas {
		if err := crd.Check(object); err != nil {
			t.Errorf("%s: the %s CRD refuses it: %v", name, variant, err)
		}
		if lost := crd.Pruned(object); lost != "" {
			t.Errorf("%s: the %s CRD drops fields:\n%s", name, variant, lost)
		}
	}
}

// TestRunByHand validates what argo submit --from sends.
func TestRunByHand(t *testing.T) {
	run := &wfv1.Workflow{Spec: wfv1.WorkflowSpec{WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DefaultWorkflowTemplate}}}
	if err := validate.Workflow(quiet(t), namespace(t), noClusterTemplates, run, nil, validate.Opts{Submit: true}); err == nil {
		t.Error("Argo accepts a run without a cluster, a repo and a type")
	}
	for name, value := range map[string]string{vocab.ParamCluster: "cluster", vocab.ParamRepo: "repo1", vocab.ParamType: "full"} {
		run.Spec.Arguments.Parameters = append(run.Spec.Arguments.Parameters, wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
	}
	if err := validate.Workflow(quiet(t), namespace(t), noClusterTemplates, run, nil, validate.Opts{Submit: true}); err != nil {
		t.Error(err)
	}
}

// TestRefuses shows that the checks above find something.
func TestRefuses(t *testing.T) {
	getter := namespace(t)
	template, err := getter.Get(t.Context(), vocab.DefaultWorkflowTemplate)
	if err != nil {
		t.Fatal(err)
	}
	main := &template.Spec.Templates[0].ContainerSet.Containers[0]
	main.Command = append(main.Command, "--shard={{inputs.parameters.shard}}")
	if err := validateTemplate(t, template); err == nil || !strings.Contains(err.Error(), "inputs.parameters.shard") {
		t.Errorf("a parameter that does not exist: %v", err)
	}

	full := crds(t, "cronworkflows")["full"]
	for name, object := range given.CronWorkflows(t, root) {
		spec := object["spec"].(map[string]any)
		spec["schedule"] = "0 2 * * *"
		if !strings.Contains(full.Pruned(object), "schedule") {
			t.Errorf("%s: the CRD does not drop the field schedule, which Argo 4 does not have", name)
		}
		spec["concurrencyPolicy"] = "Never"
		if err := full.Check(object); err == nil || !strings.Contains(err.Error(), "concurrencyPolicy") {
			t.Errorf("%s: a policy that does not exist: %v", name, err)
		}
		return
	}
}
