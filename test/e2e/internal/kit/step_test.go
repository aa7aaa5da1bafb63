// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestStepOf checks that a step is found in what the template says, and in what Argo makes
// of it in the pod.
func TestStepOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		container corev1.Container
		want      string
	}{
		"template":          {corev1.Container{Name: "main", Command: []string{"/operator", "step", "verify"}}, "verify"},
		"pod":               {corev1.Container{Name: "3-backup", Command: []string{"/var/run/argo/argoexec", "emissary", "--", "/operator", "step", "backup"}}, "backup"},
		"with arguments":    {corev1.Container{Command: []string{"/operator", "step", "begin", "--kind=backup"}, Args: []string{"--cluster=step"}}, "begin"},
		"container of Argo": {corev1.Container{Name: "wait", Command: []string{"argoexec", "wait"}}, ""},
		"without a step":    {corev1.Container{Command: []string{"/operator", "step"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := StepOf(tc.container); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestStepNode checks that the newest attempt of a step is found in both forms, and not a
// node that groups attempts.
func TestStepNode(t *testing.T) {
	t.Parallel()
	at := func(second int) metav1.Time {
		return metav1.NewTime(time.Date(2026, time.November, 29, 12, 0, second, 0, time.UTC))
	}
	command := func(step string) corev1.Container {
		return corev1.Container{Name: "main", Command: []string{"/operator", "step", step}}
	}
	verify := command("verify")
	precheck := command("precheck")
	precheck.Name = "2-precheck"
	workflow := &wfv1.Workflow{Status: wfv1.WorkflowStatus{
		StoredWorkflowSpec: &wfv1.WorkflowSpec{Templates: []wfv1.Template{
			{Name: "backup", ContainerSet: &wfv1.ContainerSetTemplate{Containers: []wfv1.ContainerNode{{Container: precheck}, {Container: command("backup")}}}},
			{Name: "dag-verify", Container: &verify},
		}},
		Nodes: wfv1.Nodes{
			"retry": {ID: "retry", Type: wfv1.NodeTypeRetry, DisplayName: "verify", TemplateName: "dag-verify", StartedAt: at(1)},
			"one":   {ID: "one", Type: wfv1.NodeTypePod, DisplayName: "verify(0)", TemplateName: "dag-verify", StartedAt: at(1)},
			"two":   {ID: "two", Type: wfv1.NodeTypePod, DisplayName: "verify(1)", TemplateName: "dag-verify", StartedAt: at(9)},
			"pod":   {ID: "pod", Type: wfv1.NodeTypePod, DisplayName: "w(0)", TemplateName: "backup", StartedAt: at(1)},
			"2":     {ID: "2", Type: wfv1.NodeTypeContainer, DisplayName: "2-precheck", TemplateName: "backup", StartedAt: at(1)},
			"main":  {ID: "main", Type: wfv1.NodeTypeContainer, DisplayName: "main", TemplateName: "backup", StartedAt: at(1)},
		},
	}}
	for step, want := range map[string]string{"verify": "two", "precheck": "2", "backup": "main", "expire": ""} {
		got := ""
		if node := StepNode(workflow, step); node != nil {
			got = node.ID
		}
		if got != want {
			t.Errorf("the newest attempt of %s is %q, want %q", step, got, want)
		}
	}
	if got := len(StepNodes(workflow, "verify")); got != 2 {
		t.Errorf("verify has %d attempts, want 2", got)
	}
}
