// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"io"
	"os"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/templateresolution"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	"github.com/sirupsen/logrus"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

// goldens is the folder of the cases of internal/translate. Tests there compare
// them with the output of Translate.
const (
	root    = "../.."
	goldens = root + "/internal/translate/testdata"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard) // Argo's validation logs.
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

// shipped returns the WorkflowTemplates in workflows/, unchanged and with each
// component.
func shipped(t *testing.T) map[string]*wfv1.WorkflowTemplate {
	t.Helper()
	found := map[string]*wfv1.WorkflowTemplate{}
	for _, template := range given.Templates(t, root) {
		found[template.Name()] = given.Typed[wfv1.WorkflowTemplate](t, template.Name(), template.Object)
	}
	return found
}

// namespace returns the shipped template, which every plain golden refers to, and a
// copy of it under the other name that one golden uses.
func namespace(t *testing.T) templates {
	t.Helper()
	getter := templates{}
	for _, template := range given.Templates(t, root) {
		if template.Component == "" {
			typed := given.Typed[wfv1.WorkflowTemplate](t, template.Name(), template.Object)
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

func TestWorkflowTemplatesPassArgosValidation(t *testing.T) {
	crds := argoCRDs(t, "workflowtemplates")
	for name, template := range shipped(t) {
		if err := validate.ValidateWorkflowTemplate(templates{}, noClusterTemplates, template, nil, validate.ValidateOpts{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		check, want := contract.Check, vocab.TemplateContract
		switch template.Name {
		case vocab.WatchTemplate:
			check, want = contract.CheckWatch, vocab.WatchContract
		case vocab.DrillTemplate:
			check, want = contract.CheckDrill, vocab.DrillContract
		}
		if template.Labels[vocab.LabelContract] != want {
			t.Errorf("%s: label %s is %q, want %s", name, vocab.LabelContract, template.Labels[vocab.LabelContract], want)
		}
		if findings := check(template); len(findings) > 0 {
			t.Errorf("%s: the contract: %q", name, findings)
		}
		object := given.Decode(t, name, given.JSON(t, template))
		for variant, crd := range crds {
			if err := crd.Check(object); err != nil {
				t.Errorf("%s: the %s CRD refuses it: %v", name, variant, err)
			}
		}
	}
}

// TestWorkflowTemplatesAsWritten shows that the templates as written, not as Argo's
// types decode them, pass both CRDs and lose nothing there.
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
		c := given.Typed[wfv1.CronWorkflow](t, name, object)
		if err := validate.ValidateCronWorkflow(t.Context(), getter, noClusterTemplates, c, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// A controller with templateReferencing Strict checks this at each run.
		if err := util.ValidateUserOverrides(&c.Spec.WorkflowSpec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// Argo accepts a value that is not in the enum of the template.
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

// argoCRDs returns both variants of a CRD, from the module that we build with.
func argoCRDs(t *testing.T, plural string) map[string]given.CRD {
	t.Helper()
	return given.ArgoCRDs(t, "github.com/argoproj/argo-workflows/v3", plural)
}

// TestArgoAcceptsSilently lists what Argo's validation accepts and then never runs,
// or runs wrongly, and shows that no user's resource makes us send it. When a new
// Argo refuses one of these, the list gets shorter.
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
		// argo turns a good CronWorkflow into the one that Argo accepts.
		argo func(*wfv1.CronWorkflow)
		// input changes a good input into one that asks for it; nil if a user cannot.
		input func(*translate.Input)
		// wantReason is the reason of our Problem; empty if there is none.
		wantReason vocab.Reason
	}{
		"no schedules: never runs": {
			argo:  func(c *wfv1.CronWorkflow) { c.Spec.Schedules = nil },
			input: planSchedule(""), // means off: no CronWorkflow at all
		},
		"a date that does not exist: never runs": {
			argo: schedule("0 0 31 2 *"), input: planSchedule("0 0 31 2 *"), wantReason: vocab.ReasonInvalidSchedule,
		},
		"a zone in the schedule: one of two zones wins": {
			argo: schedule("TZ=Asia/Tokyo 30 2 * * *"), input: planSchedule("TZ=Asia/Tokyo 30 2 * * *"), wantReason: vocab.ReasonInvalidSchedule,
		},
		"@every: begins its interval again at each update": {
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
			if len(plan.Schedules) != 1 || len(plan.Problems) != 0 {
				t.Fatalf("the good input gives %d CronWorkflows and %v", len(plan.Schedules), plan.Problems)
			}
			silent := plan.Schedules[0].DeepCopy()
			tc.argo(silent)
			if err := validate.ValidateCronWorkflow(t.Context(), getter, noClusterTemplates, silent, nil); err != nil {
				t.Errorf("Argo now refuses it: %v", err)
			}
			if string(given.JSON(t, silent)) == string(given.JSON(t, plan.Schedules[0])) {
				t.Error("the case does not change the good CronWorkflow")
			}
			if tc.input == nil {
				return
			}
			in := goodInput()
			tc.input(&in)
			plan = translate.Translate(in)
			if len(plan.Schedules) != 0 {
				t.Errorf("planned: %s", given.JSON(t, plan.Schedules))
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
	return translate.Input{Provisioner: vocab.ProvisionedByUs, Cluster: cpo.Postgresql{Namespace: "cpo", Name: "cluster", PgBackRest: &cpo.PgBackRest{
		Secret: "shop-s3",
		Repos: []cpo.Repo{{
			Name: "repo1", Storage: cpo.StorageS3, Resource: "bucket", Endpoint: "s3.example.com", Region: "zurich",
			Schedule: map[string]string{cpo.Full: "30 2 * * *"},
		}},
	}}}
}
