// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/workflows"
)

func ourDrill(t *testing.T) *wfv1.WorkflowTemplate {
	t.Helper()
	template := &wfv1.WorkflowTemplate{}
	if err := yaml.UnmarshalStrict(workflows.Drill, template); err != nil {
		t.Fatal(err)
	}
	return template
}

func TestOurDrillKeepsTheContract(t *testing.T) {
	t.Parallel()
	template := ourDrill(t)
	if diff := cmp.Diff([]string(nil), contract.CheckDrill(template)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if got := template.Labels[vocab.LabelContract]; got != vocab.DrillContract || template.Name != vocab.DrillTemplate {
		t.Errorf("template %s has label %s=%q", template.Name, vocab.LabelContract, got)
	}
}

// templateOf returns a template of a spec by its name.
func templateOf(s *wfv1.WorkflowSpec, name string) *wfv1.Template {
	for i := range s.Templates {
		if s.Templates[i].Name == name {
			return &s.Templates[i]
		}
	}
	return nil
}

func TestForksOfTheDrill(t *testing.T) {
	t.Parallel()
	const (
		pod   = "podSpecPatch of template restore is not key pod of ConfigMap {{workflow.parameters.cluster}}-pgbackrest-drill-config: the pod would have no volume and no files of pgBackRest"
		own   = "template restore has no serviceAccountName of its own: the pod with the restored database could run commands in production"
		other = ": the operator would take the drill for another, or for a backup"
		again = ": a drill that is submitted again would show how the one before it ended"
		kind  = "label stanzaflow.dev/kind in workflowMetadata.labelsFrom is not " + contract.DrillKindExpression + other
		held  = "has mutex pgbackrest-{{workflow.parameters.cluster}}, that of the backups: none could be made during a drill"
	)
	backups := &wfv1.Synchronization{Mutexes: []*wfv1.Mutex{{Name: "pgbackrest-{{ workflow.parameters.cluster }}"}}}
	for name, test := range map[string]struct {
		change func(*wfv1.WorkflowSpec)
		want   []string
	}{
		"what may change": {change: func(s *wfv1.WorkflowSpec) {
			s.Arguments.Parameters = append(s.Arguments.Parameters, wfv1.Parameter{Name: "team", Value: wfv1.AnyStringPtr("dba")})
			s.ServiceAccountName, s.ActiveDeadlineSeconds, s.TTLStrategy, s.PodGC = "planner", new(int64(60)), nil, nil
			templateOf(s, "plan").RetryStrategy, templateOf(s, "restore").ServiceAccountName = nil, "restorer"
			templateOf(s, "plan").Container.Resources = corev1.ResourceRequirements{}
			templateOf(s, "restore").PodSpecPatch = `{{= workflow.mainEntrypoint == "drill" ?  inputs.parameters.pod : "{}" }}`
			templateOf(s, "drill").Synchronization = nil
		}},
		"no entrypoint": {
			change: func(s *wfv1.WorkflowSpec) { s.Entrypoint = "other" }, want: []string{`entrypoint "other" is missing`},
		},
		"a cluster by default": {
			change: func(s *wfv1.WorkflowSpec) { s.Arguments.Parameters[0].Value = wfv1.AnyStringPtr("orders") },
			want:   []string{"parameter cluster has a default, which a drill that does not pass it would use"},
		},
		"a drill without a default": {
			change: func(s *wfv1.WorkflowSpec) { s.Arguments.Parameters[1].Value = nil },
			want:   []string{"parameter drill has no default, and not every drill passes it"},
		},
		"no target": {
			change: func(s *wfv1.WorkflowSpec) {
				s.Arguments.Parameters = append(s.Arguments.Parameters[:2], s.Arguments.Parameters[3:]...)
			},
			want: []string{"parameter target is missing"},
		},
		"no labels": {
			change: func(s *wfv1.WorkflowSpec) { s.WorkflowMetadata = nil },
			want: []string{
				`label stanzaflow.dev/result in workflowMetadata.labels is not "Running"` + again,
				"label stanzaflow.dev/cluster in workflowMetadata.labelsFrom is not workflow.parameters.cluster" + other,
				"label stanzaflow.dev/drill in workflowMetadata.labelsFrom is not workflow.parameters.drill" + other,
				kind,
				"label stanzaflow.dev/trigger in workflowMetadata.labelsFrom is not workflow.parameters.trigger" + other,
			},
		},
		"the kind of a backup": {
			change: func(s *wfv1.WorkflowSpec) {
				s.WorkflowMetadata.LabelsFrom[vocab.LabelKind] = wfv1.LabelValueFrom{Expression: `"backup"`}
			},
			want: []string{kind},
		},
		"a pod by an argument": {
			change: func(s *wfv1.WorkflowSpec) { templateOf(s, "restore").PodSpecPatch = "{{inputs.parameters.pod}}" },
			want:   []string{`podSpecPatch of template restore is not {{=workflow.mainEntrypoint == "drill" ? inputs.parameters.pod : "{}"}}: whoever starts the template could begin with restore, and give the pod as an argument`},
		},
		"a plan of a restore that counts as a drill": {
			change: func(s *wfv1.WorkflowSpec) {
				delete(s.WorkflowMetadata.LabelsFrom, vocab.LabelKind)
				s.WorkflowMetadata.Labels[vocab.LabelKind] = "drill"
			},
			want: []string{kind},
		},
		"no plan of a restore": {change: func(s *wfv1.WorkflowSpec) {
			s.Templates = slices.DeleteFunc(s.Templates, func(t wfv1.Template) bool { return t.Name == vocab.EntrypointPlanRestore })
		}},
		"a plan of a restore of another cluster, without outputs": {
			change: func(s *wfv1.WorkflowSpec) {
				c := templateOf(s, "plan-restore").Container
				c.Args[len(c.Args)-1], c.Args[len(c.Args)-3] = "orders", "--outputs=/tmp"
			},
			want: []string{
				"the container of template plan-restore that plans the restore has no argument {{workflow.parameters.cluster}}",
				"the container of template plan-restore that plans the restore has no argument --outputs=/run/stanzaflow",
			},
		},
		"a plan of a restore that plans none": {
			change: func(s *wfv1.WorkflowSpec) { templateOf(s, "plan-restore").Container.Command = []string{"/bin/true"} },
			want:   []string{"no container below entrypoint plan-restore runs operator restore plan"},
		},
		"a plan of a restore with the mutex of the backups": {
			change: func(s *wfv1.WorkflowSpec) { templateOf(s, "plan-restore").Synchronization = backups },
			want:   []string{"template plan-restore has mutex pgbackrest-{{workflow.parameters.cluster}}, that of the backups: the plan of a restore would wait for one"},
		},
		"no moment to plan for": {
			change: func(s *wfv1.WorkflowSpec) {
				s.Arguments.Parameters = slices.DeleteFunc(s.Arguments.Parameters, func(p wfv1.Parameter) bool { return p.Name == vocab.ParamTo })
			},
			want: []string{"parameter to is missing"},
		},
		"no ServiceAccount": {
			change: func(s *wfv1.WorkflowSpec) { s.ServiceAccountName = "" },
			want:   []string{"spec.serviceAccountName is missing: the plan could not ask the cluster"},
		},
		"the rights of a run beside the data": {
			change: func(s *wfv1.WorkflowSpec) { templateOf(s, "restore").ServiceAccountName = "" }, want: []string{own},
		},
		"the mutex of the backups": {
			change: func(s *wfv1.WorkflowSpec) { templateOf(s, "drill").Synchronization = backups }, want: []string{"template drill " + held},
		},
		"the mutex of the backups, for all": {
			change: func(s *wfv1.WorkflowSpec) { s.Synchronization = backups }, want: []string{"spec.synchronization " + held},
		},
		"a pod of its own": {
			change: func(s *wfv1.WorkflowSpec) { templateOf(s, "restore").PodSpecPatch = "hostNetwork: true" }, want: []string{pod},
		},
		"the pod of another cluster": {
			change: func(s *wfv1.WorkflowSpec) {
				templateOf(s, "restore").Inputs.Parameters[2].ValueFrom.ConfigMapKeyRef.Name = "orders-pgbackrest-drill-config"
			},
			want: []string{pod},
		},
		"a plan of another target": {
			change: func(s *wfv1.WorkflowSpec) {
				c := templateOf(s, "plan").Container
				for i := range c.Args {
					c.Args[i] = strings.Replace(c.Args[i], "--target={{workflow.parameters.target}}", "--target=Immediate", 1)
				}
			},
			want: []string{"the container of template plan that plans the drill has no argument --target={{workflow.parameters.target}}"},
		},
		"nothing restored": {
			change: func(s *wfv1.WorkflowSpec) { templateOf(s, "restore").Container.Command = []string{"/bin/true"} },
			want:   []string{"no container below entrypoint drill runs operator drill-step restore"},
		},
		"a step that may fail": {
			change: func(s *wfv1.WorkflowSpec) {
				templateOf(s, "drill").Steps[1].Steps[0].ContinueOn = &wfv1.ContinueOn{Failed: true}
				templateOf(s, "restore").Outputs.Parameters[0].ValueFrom.Default = nil
			},
			want: []string{
				"task restore of template drill has continueOn: a failed run could be Succeeded",
				"output result of template restore has no default: a drill that has none would lose its report",
			},
		},
		"no report": {
			change: func(s *wfv1.WorkflowSpec) {
				dropOutput(s, "plan", vocab.OutputReport)
				dropOutput(s, "restore", vocab.OutputReport)
			},
			want: []string{"output report is missing below entrypoint drill: no template publishes it with globalName report"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := ourDrill(t)
			test.change(&template.Spec)
			if diff := cmp.Diff(test.want, contract.CheckDrill(template)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
	if got := contract.DrillSentence([]string{"a", "b"}); !strings.HasSuffix(got, ": a; b") || !strings.Contains(got, vocab.DrillContract) {
		t.Errorf("sentence %q", got)
	}
}
