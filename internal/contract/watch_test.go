// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
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

func ourWatch(t *testing.T) *wfv1.WorkflowTemplate {
	t.Helper()
	template := &wfv1.WorkflowTemplate{}
	if err := yaml.UnmarshalStrict(workflows.Watch, template); err != nil {
		t.Fatal(err)
	}
	return template
}

func TestOurWatchKeepsTheContract(t *testing.T) {
	t.Parallel()
	template := ourWatch(t)
	if diff := cmp.Diff([]string(nil), contract.CheckWatch(template)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if got := template.Labels[vocab.LabelContract]; got != vocab.WatchContract || template.Name != vocab.WatchTemplate {
		t.Errorf("template %s has label %s=%q", template.Name, vocab.LabelContract, got)
	}
}

func TestForksOfTheWatch(t *testing.T) {
	t.Parallel()
	const lost = "the operator would not find the run, or take it for a backup"
	for name, test := range map[string]struct {
		change func(*wfv1.WorkflowSpec)
		want   []string
	}{
		"what may change": {change: func(s *wfv1.WorkflowSpec) {
			s.Arguments.Parameters = []wfv1.Parameter{{Name: "team", Value: wfv1.AnyStringPtr("dba")}}
			s.ServiceAccountName, s.ActiveDeadlineSeconds, s.TTLStrategy = "watcher", new(int64(60)), nil
			s.Templates[0].RetryStrategy, s.Templates[0].Name, s.Entrypoint = nil, "ask", "ask"
			s.Templates[0].Container.Command = []string{"/opt/operator", "watch"}
			s.Templates[0].Container.Args = append(s.Templates[0].Container.Args, "--parallel=4")
			s.Templates[0].Container.Resources = corev1.ResourceRequirements{}
		}},
		"below a DAG": {change: func(s *wfv1.WorkflowSpec) {
			s.Entrypoint = "all"
			s.Templates = append(s.Templates, wfv1.Template{Name: "all", DAG: &wfv1.DAGTemplate{Tasks: []wfv1.DAGTask{{Name: "watch", Template: "watch"}}}})
		}},
		"no entrypoint": {
			change: func(s *wfv1.WorkflowSpec) { s.Entrypoint = "other" }, want: []string{`entrypoint "other" is missing`},
		},
		"a parameter without a default": {
			change: func(s *wfv1.WorkflowSpec) { s.Arguments.Parameters = []wfv1.Parameter{{Name: "team"}} },
			want:   []string{"parameter team has no default, and the operator passes none"},
		},
		"no ServiceAccount": {
			change: func(s *wfv1.WorkflowSpec) { s.ServiceAccountName = "" },
			want:   []string{"spec.serviceAccountName is missing: the pod could ask no cluster"},
		},
		"no labels": {
			change: func(s *wfv1.WorkflowSpec) { s.WorkflowMetadata = nil },
			want: []string{
				`label stanzaflow.dev/cluster in workflowMetadata.labels is not "": ` + lost,
				`label stanzaflow.dev/kind in workflowMetadata.labels is not "watch": ` + lost,
			},
		},
		"the label of a backup": {
			change: func(s *wfv1.WorkflowSpec) { s.WorkflowMetadata.Labels[vocab.LabelKind] = "backup" },
			want:   []string{`label stanzaflow.dev/kind in workflowMetadata.labels is not "watch": ` + lost},
		},
		"the label of a cluster": {
			change: func(s *wfv1.WorkflowSpec) {
				s.WorkflowMetadata.LabelsFrom = map[string]wfv1.LabelValueFrom{vocab.LabelCluster: {Expression: `"orders"`}}
			},
			want: []string{`label stanzaflow.dev/cluster in workflowMetadata.labels is not "": ` + lost},
		},
		"another program": {
			change: func(s *wfv1.WorkflowSpec) { s.Templates[0].Container.Command = []string{"/bin/true"} },
			want:   []string{"no container below entrypoint watch runs operator watch"},
		},
		"another namespace": {
			change: func(s *wfv1.WorkflowSpec) { s.Templates[0].Container.Args = []string{"--namespace=shop"} },
			want:   []string{"the container of template watch that runs operator watch has no argument --namespace={{workflow.namespace}}"},
		},
		"no report": {
			change: func(s *wfv1.WorkflowSpec) { dropOutput(s, "watch", vocab.OutputReport) },
			want:   []string{"output report is missing below entrypoint watch: no template publishes it with globalName report"},
		},
		"a message that is not global": {
			change: func(s *wfv1.WorkflowSpec) { s.Templates[0].Outputs.Parameters[0].GlobalName = "" },
			want:   []string{"output message is missing below entrypoint watch: no template publishes it with globalName message"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := ourWatch(t)
			test.change(&template.Spec)
			if diff := cmp.Diff(test.want, contract.CheckWatch(template)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
	if got := contract.WatchSentence([]string{"a", "b"}); !strings.HasSuffix(got, ": a; b") || !strings.Contains(got, vocab.WatchContract) {
		t.Errorf("sentence %q", got)
	}
}
