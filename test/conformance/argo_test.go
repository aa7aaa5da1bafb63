// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/templateresolution"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	"github.com/sirupsen/logrus"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

// goldens are the cases of internal/translate, which its own tests compare with
// what Translate gives.
const (
	root    = "../.."
	goldens = root + "/internal/translate/testdata"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard) // Argo's validation talks.
	os.Exit(m.Run())
}

// templates are the WorkflowTemplates of a namespace.
type templates map[string]*wfv1.WorkflowTemplate

func (t templates) Get(name string) (*wfv1.WorkflowTemplate, error) {
	if template, ok := t[name]; ok {
		return template.DeepCopy(), nil
	}
	return nil, fmt.Errorf("there is no WorkflowTemplate %s", name)
}

var noClusterTemplates templateresolution.ClusterWorkflowTemplateGetter = &templateresolution.NullClusterWorkflowTemplateGetter{}

// shipped are the WorkflowTemplates in workflows/, as they are and with each
// component.
func shipped(t *testing.T) map[string]*wfv1.WorkflowTemplate {
	t.Helper()
	found := map[string]*wfv1.WorkflowTemplate{}
	for _, template := range given.Templates(t, root) {
		found[template.Name()] = asTemplate(t, template.Name(), template.Object)
	}
	return found
}

func asTemplate(t *testing.T, name string, object map[string]any) *wfv1.WorkflowTemplate {
	t.Helper()
	var template wfv1.WorkflowTemplate
	if err := sigsyaml.UnmarshalStrict(given.JSON(t, object), &template); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &template
}

// namespace has the shipped template, as every plain golden wants it, and a
// copy of it under the other name that one of them uses.
func namespace(t *testing.T) templates {
	t.Helper()
	getter := templates{}
	for _, template := range given.Templates(t, root) {
		if template.Component == "" {
			typed := asTemplate(t, template.Name(), template.Object)
			getter[typed.Name] = typed
		}
	}
	backup, err := getter.Get(vocab.DefaultWorkflowTemplate)
	if err != nil {
		t.Fatal(err)
	}
	backup.Name = "pgbackrest-backup-compact"
	getter[backup.Name] = backup
	return getter
}

func asCronWorkflow(t *testing.T, name string, object map[string]any) *wfv1.CronWorkflow {
	t.Helper()
	var c wfv1.CronWorkflow
	if err := sigsyaml.UnmarshalStrict(given.JSON(t, object), &c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &c
}

func TestWorkflowTemplatesPassArgosValidation(t *testing.T) {
	crds := argoCRDs(t, "workflowtemplates")
	for name, template := range shipped(t) {
		if err := validate.ValidateWorkflowTemplate(templates{}, noClusterTemplates, template, nil, validate.ValidateOpts{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if template.Labels[vocab.LabelContract] != vocab.TemplateContract {
			t.Errorf("%s: label %s is %q", name, vocab.LabelContract, template.Labels[vocab.LabelContract])
		}
		object := given.Decode(t, name, given.JSON(t, template))
		for variant, crd := range crds {
			if err := crd.Check(object); err != nil {
				t.Errorf("%s: the %s CRD refuses it: %v", name, variant, err)
			}
		}
	}
}

// TestWorkflowTemplatesAsWritten: what is written, not what Argo's types make
// of it, passes both CRDs and loses nothing in them.
func TestWorkflowTemplatesAsWritten(t *testing.T) {
	crds := argoCRDs(t, "workflowtemplates")
	for _, template := range given.Templates(t, root) {
		for variant, crd := range crds {
			if err := crd.Check(template.Object); err != nil {
				t.Errorf("%s: the %s CRD refuses it: %v", template.Name(), variant, err)
			}
			if lost := crd.Pruned(template.Object); lost != "" {
				t.Errorf("%s: the %s CRD drops fields:\n%s", template.Name(), variant, lost)
			}
		}
	}
}

func TestCronWorkflowsPassArgosValidation(t *testing.T) {
	getter := namespace(t)
	for name, object := range given.CronWorkflows(t, root) {
		c := asCronWorkflow(t, name, object)
		if err := validate.ValidateCronWorkflow(t.Context(), getter, noClusterTemplates, c, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// A controller with templateReferencing Strict checks this at each run.
		if err := util.ValidateUserOverrides(&c.Spec.WorkflowSpec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// Argo takes a value that is not in the enum of the template.
		for _, parameter := range c.Spec.WorkflowSpec.Arguments.Parameters {
			declared := getter[c.Spec.WorkflowSpec.WorkflowTemplateRef.Name].Spec.Arguments.GetParameterByName(parameter.Name)
			if declared == nil {
				t.Errorf("%s: the template has no parameter %s", name, parameter.Name)
				continue
			}
			allowed := len(declared.Enum) == 0
			for _, value := range declared.Enum {
				allowed = allowed || value == *parameter.Value
			}
			if !allowed {
				t.Errorf("%s: %s is not a value of parameter %s", name, parameter.Value, parameter.Name)
			}
		}
	}
}

func TestCronWorkflowsPassArgosCRDs(t *testing.T) {
	crds := argoCRDs(t, "cronworkflows")
	for name, object := range given.CronWorkflows(t, root) {
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

// argoCRDs are both variants of a CRD, from the module that we build with.
func argoCRDs(t *testing.T, plural string) map[string]given.CRD {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatalf("cannot find Argo's module: %v", err)
	}
	crds := map[string]given.CRD{}
	for _, variant := range []string{"minimal", "full"} {
		crds[variant] = given.LoadCRD(t, filepath.Join(strings.TrimSpace(string(output)), "manifests/base/crds", variant, "argoproj.io_"+plural+".yaml"))
	}
	return crds
}

// TestArgoAcceptsSilently lists what Argo's validation lets through and then
// never runs, or not as meant, and shows that no resource of a user makes us
// send it. When a new Argo refuses one of these, the list gets shorter.
func TestArgoAcceptsSilently(t *testing.T) {
	getter := namespace(t)
	parameter := func(name, value string) func(*wfv1.CronWorkflow) {
		return func(c *wfv1.CronWorkflow) {
			c.Spec.WorkflowSpec.Arguments.Parameters = append(c.Spec.WorkflowSpec.Arguments.Parameters, wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
		}
	}
	replaced := func(name, value string) func(*wfv1.CronWorkflow) {
		return func(c *wfv1.CronWorkflow) {
			for i, parameter := range c.Spec.WorkflowSpec.Arguments.Parameters {
				if parameter.Name == name {
					c.Spec.WorkflowSpec.Arguments.Parameters[i].Value = wfv1.AnyStringPtr(value)
				}
			}
		}
	}
	schedule := func(expression string) func(*wfv1.CronWorkflow) {
		return func(c *wfv1.CronWorkflow) { c.Spec.Schedules = []string{expression} }
	}
	zone := func(name string) func(*wfv1.CronWorkflow) {
		return func(c *wfv1.CronWorkflow) { c.Spec.Timezone = name }
	}
	planSchedule := func(expression string) func(*translate.Input) {
		return func(in *translate.Input) { in.Cluster.PgBackRest.Repos[0].Schedule[cpo.Full] = expression }
	}
	for name, tc := range map[string]struct {
		// argo makes the CronWorkflow that Argo accepts.
		argo func(*wfv1.CronWorkflow)
		// input makes a user ask for it.
		input func(*translate.Input)
		// wantReason of our Problem; none where there is nothing to ask for it with.
		wantReason string
	}{
		"no schedules: never runs": {
			argo:  func(c *wfv1.CronWorkflow) { c.Spec.Schedules = nil },
			input: planSchedule(""), // means off: no CronWorkflow at all
		},
		"a date that there is not: never runs": {
			argo: schedule("0 0 31 2 *"), input: planSchedule("0 0 31 2 *"), wantReason: vocab.ReasonInvalidSchedule,
		},
		"a zone in the schedule: one of two zones wins": {
			argo: schedule("TZ=Asia/Tokyo 30 2 * * *"), input: planSchedule("TZ=Asia/Tokyo 30 2 * * *"), wantReason: vocab.ReasonInvalidSchedule,
		},
		"@every: starts to count again at each update": {
			argo: schedule("@every 30m"), input: planSchedule("@every 30m"), wantReason: vocab.ReasonInvalidSchedule,
		},
		"no zone: the zone of the controller": {argo: zone("")},
		"Local: the zone of the controller": {
			argo: zone("Local"), input: func(in *translate.Input) { in.Stanza.TimeZone = "Local" }, wantReason: vocab.ReasonInvalidTimeZone,
		},
		"a value that the enum of the template does not have": {
			argo: replaced(vocab.ParamType, "incremental"),
			input: func(in *translate.Input) {
				in.Cluster.PgBackRest.Repos[0].Schedule = map[string]string{"incremental": "30 2 * * *"}
			},
			wantReason: vocab.ReasonUnsupportedBackupType,
		},
		"a repository that the enum of the template does not have": {
			argo:       replaced(vocab.ParamRepo, "repo5"),
			input:      func(in *translate.Input) { in.Cluster.PgBackRest.Repos[0].Name = "repo5" },
			wantReason: vocab.ReasonUnknownRepo,
		},
		"an expression in a value": {
			argo:       replaced(vocab.ParamCluster, "{{workflow.name}}"),
			input:      func(in *translate.Input) { in.Cluster.Name = "{{workflow.name}}" },
			wantReason: vocab.ReasonTemplateExpression,
		},
		"a parameter that the template does not have": {argo: parameter("shard", "1")},
		"a field that a Strict controller refuses at each run": {
			argo: func(c *wfv1.CronWorkflow) { c.Spec.WorkflowSpec.ServiceAccountName = "default" },
		},
		"Replace: terminates a running backup": {
			argo: func(c *wfv1.CronWorkflow) { c.Spec.ConcurrencyPolicy = wfv1.ReplaceConcurrent },
		},
		"no deadline: a run missed by a restart of the controller is lost": {
			argo: func(c *wfv1.CronWorkflow) { c.Spec.StartingDeadlineSeconds = nil },
		},
		"a name that no API server takes": {
			argo:       func(c *wfv1.CronWorkflow) { c.Name = "Not a name" },
			input:      func(in *translate.Input) { in.Cluster.Name = "Not a name" },
			wantReason: vocab.ReasonInvalidName,
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan := translate.Translate(goodInput())
			if len(plan.CronWorkflows) != 1 || len(plan.Problems) != 0 {
				t.Fatalf("the good input gives %d CronWorkflows and %v", len(plan.CronWorkflows), plan.Problems)
			}
			silent := plan.CronWorkflows[0].DeepCopy()
			tc.argo(silent)
			if err := validate.ValidateCronWorkflow(t.Context(), getter, noClusterTemplates, silent, nil); err != nil {
				t.Errorf("Argo is not silent any more: %v", err)
			}
			if string(given.JSON(t, silent)) == string(given.JSON(t, plan.CronWorkflows[0])) {
				t.Error("the CronWorkflow is the good one")
			}
			if tc.input == nil {
				return
			}
			in := goodInput()
			tc.input(&in)
			plan = translate.Translate(in)
			if len(plan.CronWorkflows) != 0 {
				t.Errorf("planned: %s", given.JSON(t, plan.CronWorkflows))
			}
			if tc.wantReason == "" {
				return
			}
			if len(plan.Problems) != 1 || plan.Problems[0].Reason != tc.wantReason {
				t.Errorf("problems are %v, want one with reason %s", plan.Problems, tc.wantReason)
			}
		})
	}
}

func goodInput() translate.Input {
	return translate.Input{Cluster: cpo.Postgresql{Namespace: "cpo", Name: "cluster", PgBackRest: &cpo.PgBackRest{
		Repos: []cpo.Repo{{
			Name: "repo1", Storage: cpo.StorageS3, Resource: "bucket", Endpoint: "s3.example.com", Region: "zurich",
			Schedule: map[string]string{cpo.Full: "30 2 * * *"},
		}},
	}}}
}
