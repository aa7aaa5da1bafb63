// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// longestRun is how long a test waits for a run. A run takes 12 s alone and a minute
// beside six others. If something else takes the processors too, only a run that
// hangs may fail the test.
const longestRun = 10 * time.Minute

// Submit starts a run as `argo submit --from workflowtemplate/pgbackrest-backup` does,
// with parameters as name=value. It returns the name of the Workflow.
func (k *Kit) Submit(t testing.TB, parameters ...string) string {
	t.Helper()
	name, err := k.TrySubmit(t.Context(), parameters...)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TrySubmit is Submit that returns the error.
func (k *Kit) TrySubmit(ctx context.Context, parameters ...string) (string, error) {
	return k.TrySubmitAs(ctx, vocab.FormPod, parameters...)
}

// SubmitAs is Submit for a run of any form.
func (k *Kit) SubmitAs(t testing.TB, form vocab.RunForm, parameters ...string) string {
	t.Helper()
	name, err := k.TrySubmitAs(t.Context(), form, parameters...)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TrySubmitAs is SubmitAs that returns the error.
func (k *Kit) TrySubmitAs(ctx context.Context, form vocab.RunForm, parameters ...string) (string, error) {
	return k.trySubmit(ctx, form.Entrypoint(), parameters)
}

// SubmitPredeploy starts a pre-deploy run, as a hook of Argo CD does.
func (k *Kit) SubmitPredeploy(t testing.TB, parameters ...string) string {
	t.Helper()
	name, err := k.TrySubmitPredeploy(t.Context(), parameters...)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TrySubmitPredeploy is SubmitPredeploy that returns the error.
func (k *Kit) TrySubmitPredeploy(ctx context.Context, parameters ...string) (string, error) {
	return k.trySubmit(ctx, vocab.EntrypointPredeploy, parameters)
}

func (k *Kit) trySubmit(ctx context.Context, entrypoint string, parameters []string) (string, error) {
	workflow := &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{GenerateName: vocab.DefaultWorkflowTemplate + "-", Namespace: k.Namespace},
		Spec: wfv1.WorkflowSpec{
			WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DefaultWorkflowTemplate}, Entrypoint: entrypoint,
		},
	}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		workflow.Spec.Arguments.Parameters = append(workflow.Spec.Arguments.Parameters, wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
	}
	err := k.Client.Create(ctx, workflow)
	return workflow.Name, err
}

// AwaitRun waits until a run has ended.
func (k *Kit) AwaitRun(t testing.TB, name string) *wfv1.Workflow {
	t.Helper()
	var workflow wfv1.Workflow
	wait.Until(t, longestRun, "workflow "+name+" over", func() (bool, string) {
		err := k.TryGet(t.Context(), name, &workflow)
		return err == nil && workflow.Status.Fulfilled(), fmt.Sprintf("%v, phase %s, %s", err, workflow.Status.Phase, DescribeRun(&workflow))
	})
	return &workflow
}

// AwaitSuccess waits until a run has succeeded, and returns it with its report.
func (k *Kit) AwaitSuccess(t testing.TB, name string) (*wfv1.Workflow, report.Report) {
	t.Helper()
	workflow := k.AwaitRun(t, name)
	if workflow.Status.Phase != wfv1.WorkflowSucceeded {
		t.Fatalf("workflow %s is %s: %s", name, workflow.Status.Phase, DescribeRun(workflow))
	}
	return workflow, Report(t, workflow)
}

// AwaitIdle waits until no run of the namespace is running.
func (k *Kit) AwaitIdle(t testing.TB) {
	t.Helper()
	wait.Until(t, 3*time.Minute, "no run is running", func() (bool, string) {
		var list wfv1.WorkflowList
		if err := k.TryList(t.Context(), &list); err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			if !list.Items[i].Status.Fulfilled() {
				return false, list.Items[i].Name + " " + DescribeRun(&list.Items[i])
			}
		}
		return true, ""
	})
}

// Report reads the report of a run.
func Report(t testing.TB, workflow *wfv1.Workflow) report.Report {
	t.Helper()
	r, err := TryReport(workflow)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TryReport is Report that returns the error.
func TryReport(workflow *wfv1.Workflow) (report.Report, error) {
	if workflow.Status.Outputs == nil {
		return report.Report{}, fmt.Errorf("workflow %s has no outputs: %s", workflow.Name, DescribeRun(workflow))
	}
	r, err := report.Decode(Output(workflow, vocab.OutputReport))
	if err != nil {
		return report.Report{}, fmt.Errorf("workflow %s: %w", workflow.Name, err)
	}
	return r, nil
}

// Output returns an output parameter of a run, empty if there is none.
func Output(workflow *wfv1.Workflow, name string) string {
	if workflow.Status.Outputs == nil {
		return ""
	}
	for _, parameter := range workflow.Status.Outputs.Parameters {
		if parameter.Name == name && parameter.Value != nil {
			return parameter.Value.String()
		}
	}
	return ""
}

// DescribeRun is what a person sees of a run in the Argo UI.
func DescribeRun(workflow *wfv1.Workflow) string {
	lines := []string{string(workflow.Status.Phase) + " " + workflow.Status.Message}
	for _, node := range workflow.Status.Nodes {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", node.Type, node.DisplayName, node.Phase, node.Message))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n  ")
}

// LabelWorkflow is on the pods of a run.
const LabelWorkflow = "workflows.argoproj.io/workflow"

// PodsOfRun selects the pods of a run.
func PodsOfRun(workflow string) client.MatchingLabels {
	return client.MatchingLabels{LabelWorkflow: workflow}
}

// PodOfRun returns the pod of a run.
func (k *Kit) PodOfRun(t testing.TB, workflow string) *corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	k.List(t, &pods, PodsOfRun(workflow))
	if len(pods.Items) == 0 {
		t.Fatalf("workflow %s has no pod", workflow)
	}
	return &pods.Items[len(pods.Items)-1]
}

// IsBackingUp says whether pgBackRest is copying files from the PostgreSQL of a pod.
func (k *Kit) IsBackingUp(ctx context.Context, pod string) (bool, string) {
	sessions, err := k.TryPSQL(ctx, pod, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'")
	return err == nil && sessions != "0", fmt.Sprintf("%v %s sessions of pgBackRest", err, sessions)
}

// AwaitBackingUp waits until pgBackRest is copying files from the primary.
func (k *Kit) AwaitBackingUp(t testing.TB) {
	t.Helper()
	begun, got := wait.Watch(2*time.Minute, func() (bool, string) { return k.IsBackingUp(t.Context(), Primary) })
	if !begun {
		t.Fatalf("pgBackRest copies no files: %s", got)
	}
}
