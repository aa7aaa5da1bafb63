// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argo4

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/util/logging"
	"github.com/argoproj/argo-workflows/v4/workflow/templateresolution"
	"github.com/argoproj/argo-workflows/v4/workflow/validate"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

const root = "../.."

// quiet is the context that Argo's functions want: with a logger, which talks.
func quiet(t *testing.T) context.Context {
	t.Helper()
	logger := logging.NewSlogLoggerCustom(logging.Error, logging.Text, io.Discard)
	return logging.WithLogger(t.Context(), logger)
}

// read makes one of Argo's types of an object; a field that it does not know is
// an error, as for argo lint.
func read[T any](t *testing.T, name string, object map[string]any) *T {
	t.Helper()
	typed := new(T)
	if err := sigsyaml.UnmarshalStrict(given.JSON(t, object), typed); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return typed
}

// templates are the WorkflowTemplates of a namespace.
type templates map[string]*wfv1.WorkflowTemplate

func (t templates) Get(_ context.Context, name string) (*wfv1.WorkflowTemplate, error) {
	if template, ok := t[name]; ok {
		return template.DeepCopy(), nil
	}
	return nil, fmt.Errorf("there is no WorkflowTemplate %s", name)
}

// namespace has the shipped template, also under the other name that a golden uses.
func namespace(t *testing.T) templates {
	t.Helper()
	found := templates{}
	for _, template := range given.Templates(t, root) {
		if template.Component == "" {
			typed := read[wfv1.WorkflowTemplate](t, template.Name(), template.Object)
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

// crds are both variants of a CRD. Since Argo 4 its manifests install the full
// one, with more rules than that of Argo 3.
func crds(t *testing.T, plural string) map[string]given.CRD {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v4").Output()
	if err != nil {
		t.Fatalf("cannot find Argo's module: %v", err)
	}
	found := map[string]given.CRD{}
	for _, variant := range []string{"minimal", "full"} {
		found[variant] = given.LoadCRD(t, filepath.Join(strings.TrimSpace(string(output)), "manifests/base/crds", variant, "argoproj.io_"+plural+".yaml"))
	}
	return found
}

var noClusterTemplates = &templateresolution.NullClusterWorkflowTemplateGetter{}

func validateTemplate(t *testing.T, template *wfv1.WorkflowTemplate) error {
	t.Helper()
	return validate.WorkflowTemplate(quiet(t), templates{}, noClusterTemplates, template, nil, validate.Opts{})
}

func TestWorkflowTemplates(t *testing.T) {
	schemas := crds(t, "workflowtemplates")
	for _, template := range given.Templates(t, root) {
		if err := validateTemplate(t, read[wfv1.WorkflowTemplate](t, template.Name(), template.Object)); err != nil {
			t.Errorf("%s: %v", template.Name(), err)
		}
		check(t, template.Name(), schemas, template.Object)
	}
}

func TestCronWorkflows(t *testing.T) {
	schemas, getter := crds(t, "cronworkflows"), namespace(t)
	for name, object := range given.CronWorkflows(t, root) {
		c := read[wfv1.CronWorkflow](t, name, object)
		if err := validate.CronWorkflow(quiet(t), getter, noClusterTemplates, c, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		check(t, name, schemas, object)
	}
}

// check holds what is written against CRDs: accepted, and nothing dropped.
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

// TestRunByHand: what argo submit --from sends.
func TestRunByHand(t *testing.T) {
	run := &wfv1.Workflow{Spec: wfv1.WorkflowSpec{WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DefaultWorkflowTemplate}}}
	if err := validate.Workflow(quiet(t), namespace(t), noClusterTemplates, run, nil, validate.Opts{Submit: true}); err == nil {
		t.Error("Argo takes a run without a cluster, a repo and a type")
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
		t.Errorf("a parameter that there is not: %v", err)
	}

	full := crds(t, "cronworkflows")["full"]
	for name, object := range given.CronWorkflows(t, root) {
		spec := object["spec"].(map[string]any)
		spec["schedule"] = "0 2 * * *"
		if !strings.Contains(full.Pruned(object), "schedule") {
			t.Errorf("%s: the field schedule, which Argo 4 does not have, is not dropped", name)
		}
		spec["concurrencyPolicy"] = "Never"
		if err := full.Check(object); err == nil || !strings.Contains(err.Error(), "concurrencyPolicy") {
			t.Errorf("%s: a policy that there is not: %v", name, err)
		}
		return
	}
}
