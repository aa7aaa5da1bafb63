// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func ours(t *testing.T) *wfv1.WorkflowTemplate {
	t.Helper()
	text, err := os.ReadFile("../../workflows/pgbackrest-backup.yaml")
	if err != nil {
		t.Fatal(err)
	}
	template := &wfv1.WorkflowTemplate{}
	if err := yaml.UnmarshalStrict(text, template); err != nil {
		t.Fatal(err)
	}
	return template
}

func TestOurTemplateKeepsTheContract(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string(nil), contract.Check(ours(t))); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// drop removes what has a name.
func drop[T any](all *[]T, name string, nameOf func(T) string) {
	var rest []T
	for _, one := range *all {
		if nameOf(one) != name {
			rest = append(rest, one)
		}
	}
	*all = rest
}

func dropParameter(s *wfv1.WorkflowSpec, name string) {
	drop(&s.Arguments.Parameters, name, func(p wfv1.Parameter) string { return p.Name })
}

func dropOutput(s *wfv1.WorkflowSpec, template, name string) {
	drop(&named(s, template).Outputs.Parameters, name, func(p wfv1.Parameter) string { return p.Name })
}

func parameter(s *wfv1.WorkflowSpec, name string) *wfv1.Parameter {
	for i := range s.Arguments.Parameters {
		if s.Arguments.Parameters[i].Name == name {
			return &s.Arguments.Parameters[i]
		}
	}
	panic("no parameter " + name)
}

func named(s *wfv1.WorkflowSpec, name string) *wfv1.Template {
	for i := range s.Templates {
		if s.Templates[i].Name == name {
			return &s.Templates[i]
		}
	}
	panic("no template " + name)
}

// eachWord replaces a word in the command lines of a template.
func eachWord(template *wfv1.Template, from, to string) {
	replace := func(c *corev1.Container) {
		for _, words := range [][]string{c.Command, c.Args} {
			for i := range words {
				words[i] = strings.Replace(words[i], from, to, 1)
			}
		}
	}
	if template.Container != nil {
		replace(template.Container)
	}
	if template.ContainerSet != nil {
		for i := range template.ContainerSet.Containers {
			replace(&template.ContainerSet.Containers[i].Container)
		}
	}
}

// mutations are what a fork may break, and what the check says then.
var mutations = map[string]struct {
	change func(*wfv1.WorkflowSpec)
	want   string
}{
	"no entrypoint stanza": {
		func(s *wfv1.WorkflowSpec) { named(s, "stanza").Name = "other" }, "entrypoint stanza is missing",
	},
	"another default entrypoint": {
		func(s *wfv1.WorkflowSpec) { s.Entrypoint = "stanza" },
		`spec.entrypoint is "stanza", not backup: a run that names none would be another kind of run`,
	},
	"no entrypoint of the form dag": {
		func(s *wfv1.WorkflowSpec) {
			drop(&s.Templates, vocab.EntrypointBackupDAG, func(t wfv1.Template) string { return t.Name })
		},
		"entrypoint backup-dag is missing",
	},
	"no entrypoint of the form compact": {
		func(s *wfv1.WorkflowSpec) {
			drop(&s.Templates, vocab.EntrypointBackupCompact, func(t wfv1.Template) string { return t.Name })
		},
		"entrypoint backup-compact is missing",
	},
	"a step of the form compact is missing": {
		func(s *wfv1.WorkflowSpec) {
			command := &named(s, vocab.EntrypointBackupCompact).Container.Command
			*command = slices.DeleteFunc(*command, func(word string) bool { return word == "expire" })
		},
		"step expire is missing below entrypoint backup-compact",
	},
	"the form compact without the lock": {
		func(s *wfv1.WorkflowSpec) { named(s, vocab.EntrypointBackupCompact).Synchronization = nil },
		"template backup-compact does not run under mutex pgbackrest-{{workflow.parameters.cluster}} (synchronization.mutexes): two runs of a cluster could run at once",
	},
	"a task of the form dag is missing": {
		func(s *wfv1.WorkflowSpec) {
			drop(&named(s, vocab.EntrypointBackupDAG).DAG.Tasks, "expire", func(t wfv1.DAGTask) string { return t.Name })
		},
		"step expire is missing below entrypoint backup-dag",
	},
	"a failed verify that does not count": {
		func(s *wfv1.WorkflowSpec) {
			tasks := named(s, vocab.EntrypointBackupDAG).DAG.Tasks
			tasks[len(tasks)-1].ContinueOn = &wfv1.ContinueOn{Error: true}
		},
		"task verify of template backup-dag has continueOn: a failed run could be Succeeded",
	},
	"a label of the result that resubmitting copies": {
		func(s *wfv1.WorkflowSpec) { delete(s.WorkflowMetadata.Labels, vocab.LabelResult) },
		"label stanzaflow.dev/result in workflowMetadata.labels is not Running: a run that is submitted again would show how the one before it ended",
	},
	"no parameter repo": {
		func(s *wfv1.WorkflowSpec) { dropParameter(s, vocab.ParamRepo) }, "parameter repo is missing",
	},
	"no parameter max-age": {
		func(s *wfv1.WorkflowSpec) { dropParameter(s, vocab.ParamMaxAge) }, "parameter max-age is missing",
	},
	"a parameter that only the steps use": {
		func(s *wfv1.WorkflowSpec) { dropParameter(s, "limit") }, "parameter limit is missing",
	},
	"a default for the cluster": {
		func(s *wfv1.WorkflowSpec) { parameter(s, vocab.ParamCluster).Value = wfv1.AnyStringPtr("orders") },
		"parameter cluster has a default, which a run that does not pass it would use",
	},
	"no default for the trigger": {
		func(s *wfv1.WorkflowSpec) { parameter(s, vocab.ParamTrigger).Value = nil },
		"parameter trigger has no default, and not every run passes it",
	},
	"a further parameter without a default": {
		func(s *wfv1.WorkflowSpec) {
			s.Arguments.Parameters = append(s.Arguments.Parameters, wfv1.Parameter{Name: "ticket"})
		},
		"parameter ticket has no default, and not every run passes it",
	},
	"no report": {
		func(s *wfv1.WorkflowSpec) { dropOutput(s, "stanza", vocab.OutputReport) },
		"output report is missing below entrypoint stanza: no template publishes it with globalName report",
	},
	"a label that is not global": {
		func(s *wfv1.WorkflowSpec) {
			for i, p := range named(s, "backup").Outputs.Parameters {
				if p.Name == vocab.OutputLabel {
					named(s, "backup").Outputs.Parameters[i].GlobalName = ""
				}
			}
		},
		"output backup-label is missing below entrypoint backup: no template publishes it with globalName backup-label",
	},
	"an output without a default": {
		func(s *wfv1.WorkflowSpec) {
			for i, p := range named(s, "stanza").Outputs.Parameters {
				if p.Name == vocab.OutputReport {
					named(s, "stanza").Outputs.Parameters[i].ValueFrom.Default = nil
				}
			}
		},
		"output report of template stanza has no default: a run that has none would lose its report",
	},
	"no mutex": {
		func(s *wfv1.WorkflowSpec) { named(s, "backup").Synchronization = nil },
		"template backup does not run under mutex pgbackrest-{{workflow.parameters.cluster}} (synchronization.mutexes): two runs of a cluster could run at once",
	},
	"another mutex": {
		func(s *wfv1.WorkflowSpec) { named(s, "predeploy-make").Synchronization.Mutexes[0].Name = "predeploy" },
		"template predeploy-make does not run under mutex pgbackrest-{{workflow.parameters.cluster}} (synchronization.mutexes): two runs of a cluster could run at once",
	},
	"the mutex twice": {
		func(s *wfv1.WorkflowSpec) {
			named(s, "predeploy").Synchronization = &wfv1.Synchronization{Mutexes: []*wfv1.Mutex{{Name: "pgbackrest-{{ workflow.parameters.cluster }}"}}}
		},
		"templates predeploy and predeploy-make both have mutex pgbackrest-{{workflow.parameters.cluster}}: the run would wait for itself",
	},
	"the mutex on the workflow": {
		func(s *wfv1.WorkflowSpec) { s.Synchronization = named(s, "backup").Synchronization.DeepCopy() },
		"spec.synchronization has mutex pgbackrest-{{workflow.parameters.cluster}}: a run that is terminated while it waits would be Succeeded; the templates hold it",
	},
	"no label of the cluster": {
		func(s *wfv1.WorkflowSpec) { delete(s.WorkflowMetadata.LabelsFrom, vocab.LabelCluster) },
		"label stanzaflow.dev/cluster is missing in workflowMetadata.labelsFrom: the operator would not find the run, or take it for another",
	},
	"every run is a backup": {
		func(s *wfv1.WorkflowSpec) {
			s.WorkflowMetadata.LabelsFrom[vocab.LabelKind] = wfv1.LabelValueFrom{Expression: `"backup"`}
		},
		"label stanzaflow.dev/kind in workflowMetadata.labelsFrom is not " + contract.KindExpression + ": the operator would take the run for another",
	},
	"no ServiceAccount": {
		func(s *wfv1.WorkflowSpec) { s.ServiceAccountName = "" }, "spec.serviceAccountName is missing: the pods could not find the cluster",
	},
	"no grace period": {
		func(s *wfv1.WorkflowSpec) { named(s, "stanza").PodSpecPatch = "priorityClassName: backup" },
		"podSpecPatch of template stanza has no terminationGracePeriodSeconds, of 60 or more: a stopped run could not end its backup",
	},
	"a short grace period": {
		func(s *wfv1.WorkflowSpec) { named(s, "stanza").PodSpecPatch = "terminationGracePeriodSeconds: 30" },
		"podSpecPatch of template stanza has terminationGracePeriodSeconds 30, less than 60: a stopped run could not end its backup",
	},
	"a patch that is no YAML": {
		func(s *wfv1.WorkflowSpec) { named(s, "stanza").PodSpecPatch = "terminationGracePeriodSeconds: [" },
		"podSpecPatch of template stanza cannot be read",
	},
	"no step verify": {
		func(s *wfv1.WorkflowSpec) { eachWord(named(s, "backup"), "verify", "look") },
		"step verify is missing below entrypoint backup",
	},
	"no begin": {
		func(s *wfv1.WorkflowSpec) { eachWord(named(s, "stanza"), "--kind=stanza", "") },
		"no container below entrypoint stanza begins a run with --kind=stanza",
	},
	"the kind of another entrypoint": {
		func(s *wfv1.WorkflowSpec) { eachWord(named(s, "stanza"), "--kind=stanza", "--kind=backup") },
		"container 1-begin of template stanza, below entrypoint stanza, has --kind=backup, not stanza",
	},
	"one cluster for all runs": {
		func(s *wfv1.WorkflowSpec) { eachWord(named(s, "stanza"), "{{workflow.parameters.cluster}}", "orders") },
		"container 1-begin of template stanza has no argument --cluster={{workflow.parameters.cluster}}",
	},
	"no workspace": {
		func(s *wfv1.WorkflowSpec) { named(s, "stanza").ContainerSet.VolumeMounts = nil },
		"template stanza mounts no volume at /run/stanzaflow, where the steps share files",
	},
	"a failure that does not count": {
		func(s *wfv1.WorkflowSpec) {
			named(s, "predeploy").DAG.Tasks[1].ContinueOn = &wfv1.ContinueOn{Failed: true}
		},
		"task make of template predeploy has continueOn: a failed run could be Succeeded",
	},
}

func TestEachMutationIsNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range mutations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := ours(t)
			tc.change(&template.Spec)
			if diff := cmp.Diff([]string{tc.want}, contract.Check(template)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestForkMayChangeTheRest: nothing of this is in the contract.
func TestForkMayChangeTheRest(t *testing.T) {
	t.Parallel()
	template := ours(t)
	s := &template.Spec
	s.ActiveDeadlineSeconds, s.OnExit, s.ServiceAccountName = new(int64(3600)), "notify", "{{workflow.parameters.account}}"
	s.NodeSelector, s.Tolerations, s.TTLStrategy = map[string]string{"disk": "fast"}, []corev1.Toleration{{Key: "backup"}}, nil
	s.Arguments.Parameters = append(s.Arguments.Parameters, wfv1.Parameter{Name: "account", Value: wfv1.AnyStringPtr("runner")})
	parameter(s, "limit").Value = wfv1.AnyStringPtr("23h")
	for i := range s.Templates {
		t := &s.Templates[i]
		t.RetryStrategy = nil
		t.PodSpecPatch = strings.Replace(t.PodSpecPatch, "terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 300", 1)
		if t.ContainerSet != nil {
			t.ContainerSet.Containers = append(t.ContainerSet.Containers, wfv1.ContainerNode{Container: corev1.Container{Name: "audit", Image: "audit:1"}})
		}
		eachWord(t, "/operator", "/opt/operator")
	}
	s.Templates = append(s.Templates, wfv1.Template{Name: "notify", HTTP: &wfv1.HTTP{URL: "https://example.com"}})
	if diff := cmp.Diff([]string(nil), contract.Check(template)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// TestAnEmptyTemplate: nothing is taken for granted.
func TestAnEmptyTemplate(t *testing.T) {
	t.Parallel()
	findings := contract.Check(&wfv1.WorkflowTemplate{})
	for _, want := range []string{"parameter cluster is missing", "entrypoint backup is missing", "spec.serviceAccountName is missing: the pods could not find the cluster"} {
		if !strings.Contains(strings.Join(findings, "\n"), want) {
			t.Errorf("findings %q, want one with %q", findings, want)
		}
	}
}

// TestATemplateOfManyWays: the time does not grow with the number of ways through a DAG,
// and a template below itself ends the walk.
func TestATemplateOfManyWays(t *testing.T) {
	t.Parallel()
	template := ours(t)
	const layers = 200
	for i := range layers {
		next := fmt.Sprintf("layer-%d", i+1)
		if i == layers-1 {
			next = "stanza" // the first layer again
		}
		template.Spec.Templates = append(template.Spec.Templates, wfv1.Template{Name: fmt.Sprintf("layer-%d", i), DAG: &wfv1.DAGTemplate{
			Tasks: []wfv1.DAGTask{{Name: "a", Template: next}, {Name: "b", Template: next}, {Name: "c", Template: "stanza"}},
		}})
	}
	named(&template.Spec, "stanza").Name = "inner"
	named(&template.Spec, "layer-0").Name = "stanza"
	for i := range template.Spec.Templates {
		if dag := template.Spec.Templates[i].DAG; dag != nil && len(dag.Tasks) == 3 {
			dag.Tasks[2].Template = "inner"
		}
	}
	if diff := cmp.Diff([]string(nil), contract.Check(template)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
