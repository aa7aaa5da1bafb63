// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bytes"
	"os"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/run/step"
)

// TestStepsOf checks that steps are found in what the template says, and in what Argo makes
// of it in the pod.
func TestStepsOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		container corev1.Container
		want      []string
	}{
		"template":          {corev1.Container{Name: "main", Command: []string{"/operator", "step", "verify"}}, []string{"verify"}},
		"pod":               {corev1.Container{Name: "3-backup", Command: []string{"/var/run/argo/argoexec", "emissary", "--", "/operator", "step", "backup"}}, []string{"backup"}},
		"with arguments":    {corev1.Container{Command: []string{"/operator", "step", "begin", "--kind=backup"}, Args: []string{"--cluster=step"}}, []string{"begin"}},
		"container of Argo": {corev1.Container{Name: "wait", Command: []string{"argoexec", "wait"}}, nil},
		"without a step":    {corev1.Container{Command: []string{"/operator", "step"}}, []string{}},
		"several":           {corev1.Container{Command: []string{"/operator", "step", "begin", "precheck", "--kind=backup"}, Args: []string{"--cluster=step"}}, []string{"begin", "precheck"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, StepsOf(tc.container)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStepsBegun checks that steps are found in a log that the operator writes, and that
// what a command of a step prints does not count.
func TestStepsBegun(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	env := step.Env{Clock: clock.RealClock{}, Log: &written, Workspace: step.Workspace(t.TempDir()), TerminationLog: os.DevNull}
	step.RunAll(t.Context(), []string{"unknown", "other"}, env, step.Parameters{})
	if diff := cmp.Diff([]string{"unknown"}, StepsBegun(written.Bytes())); diff != "" {
		t.Errorf("steps that have begun (-want +got):\n%s\n%s", diff, &written)
	}

	log := "2026-11-30T18:00:01Z step begin\n2026-11-30T18:00:01Z the run may take 6h\n" +
		"2026-11-30T18:00:02Z step precheck\nP00   INFO: 2026-11-30T18:00:03Z step verify\n" +
		"2026-11-30T18:00:04Z step backup is done, and nothing is proven yet\n2026-11-30T18:00:05Z step backup\n"
	if diff := cmp.Diff([]string{"begin", "precheck", "backup"}, StepsBegun([]byte(log))); diff != "" {
		t.Errorf("steps that have begun (-want +got):\n%s", diff)
	}
}

// TestStepNode checks that the newest attempt of a step is found in each form, and not a
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
	all := corev1.Container{Name: "main", Command: []string{"/operator", "step", "begin", "stanza-create", "verify"}}
	precheck := command("precheck")
	precheck.Name = "2-precheck"
	workflow := &wfv1.Workflow{Status: wfv1.WorkflowStatus{
		StoredWorkflowSpec: &wfv1.WorkflowSpec{Templates: []wfv1.Template{
			{Name: "backup", ContainerSet: &wfv1.ContainerSetTemplate{Containers: []wfv1.ContainerNode{{Container: precheck}, {Container: command("backup")}}}},
			{Name: "dag-verify", Container: &verify},
			{Name: "backup-compact", Container: &all},
		}},
		Nodes: wfv1.Nodes{
			"retry": {ID: "retry", Type: wfv1.NodeTypeRetry, DisplayName: "verify", TemplateName: "dag-verify", StartedAt: at(1)},
			"one":   {ID: "one", Type: wfv1.NodeTypePod, DisplayName: "verify(0)", TemplateName: "dag-verify", StartedAt: at(1)},
			"two":   {ID: "two", Type: wfv1.NodeTypePod, DisplayName: "verify(1)", TemplateName: "dag-verify", StartedAt: at(9)},
			"pod":   {ID: "pod", Type: wfv1.NodeTypePod, DisplayName: "w(0)", TemplateName: "backup", StartedAt: at(1)},
			"2":     {ID: "2", Type: wfv1.NodeTypeContainer, DisplayName: "2-precheck", TemplateName: "backup", StartedAt: at(1)},
			"all":   {ID: "all", Type: wfv1.NodeTypePod, DisplayName: "x(0)", TemplateName: "backup-compact", StartedAt: at(2)},
			"main":  {ID: "main", Type: wfv1.NodeTypeContainer, DisplayName: "main", TemplateName: "backup", StartedAt: at(1)},
		},
	}}
	for step, want := range map[string]string{"verify": "two", "precheck": "2", "backup": "main", "stanza-create": "all", "expire": ""} {
		got := ""
		if node := StepNode(workflow, step); node != nil {
			got = node.ID
		}
		if got != want {
			t.Errorf("the newest attempt of %s is %q, want %q", step, got, want)
		}
	}
	if got := len(StepNodes(workflow, "verify")); got != 3 {
		t.Errorf("verify has %d attempts, want 3", got)
	}
}
