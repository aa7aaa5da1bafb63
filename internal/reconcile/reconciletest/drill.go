// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconciletest

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/workflows"
)

// DrillImage is the image of the operator in DrillTemplate.
const DrillImage = "ghcr.io/stanzaflow/operator:v0.1.0"

// DrillTemplate returns the WorkflowTemplate of the drills of workflows/. It needs the
// ServiceAccount of Account, which plans, and of DrillAccount, which restores.
func DrillTemplate(namespace string) *unstructured.Unstructured {
	u := object.New(object.WorkflowTemplate)
	if err := yaml.Unmarshal(workflows.Drill, &u.Object); err != nil {
		panic(err)
	}
	u.SetNamespace(namespace)
	return u
}

// DrillAccount returns the ServiceAccount of the pod that restores.
func DrillAccount() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "pgbackrest-drill"}}
}

// DrillWorkflow returns the Workflow of a drill that has not begun.
func DrillWorkflow(namespace, name, drill string) *unstructured.Unstructured {
	u := object.New(object.Workflow)
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetLabels(map[string]string{
		vocab.LabelCluster: Cluster, vocab.LabelKind: string(vocab.RunDrill), vocab.LabelDrill: drill, vocab.LabelTrigger: vocab.TriggerSchedule,
		vocab.LabelResult: string(vocab.ShownRunning),
	})
	u.Object["spec"] = map[string]any{"workflowTemplateRef": map[string]any{fieldName: vocab.DrillTemplate}}
	return u
}

// StartDrill says that a drill runs.
func StartDrill(u *unstructured.Unstructured, at time.Time) {
	u.Object["status"] = map[string]any{fieldPhase: "Running", fieldStarted: at.UTC().Format(time.RFC3339)}
}

// EndDrill says how a drill has ended ten minutes after its start. Its restore took three
// minutes, its replay 50 s, and the first query 10 s. Its UID must be known.
func EndDrill(u *unstructured.Unstructured, at time.Time, result stanzaflowv1alpha1.RunResult, change func(*report.Report)) {
	phase := "Failed"
	if result == stanzaflowv1alpha1.RunSucceeded {
		phase = "Succeeded"
	}
	rpo := 58.0
	recovered := at.Add(-time.Minute)
	r := report.Report{
		Kind: vocab.RunDrill, Result: result, Step: "restore", Run: string(u.GetUID()), Cluster: Cluster, Repo: "repo1",
		Drill: &report.Drill{
			Name: u.GetLabels()[vocab.LabelDrill], Target: "Newest", Backup: "20261122-020000F", Timeline: 1, LSN: "0/19006D40", RecoveredTo: &recovered,
			RPOSeconds: &rpo, ProvisionSeconds: 21, RestoreSeconds: 180, ReplaySeconds: 50, FirstQuerySeconds: 10, DatabaseBytes: 1 << 30, WALBytes: 1 << 26,
			Checks: []report.Check{{Name: report.CheckReached, Passed: result == stanzaflowv1alpha1.RunSucceeded}},
		},
	}
	if change != nil {
		change(&r)
	}
	text, err := r.Encode()
	if err != nil {
		panic(err)
	}
	u.Object["status"] = map[string]any{
		fieldPhase: phase, fieldStarted: at.UTC().Format(time.RFC3339), "finishedAt": at.Add(10 * time.Minute).UTC().Format(time.RFC3339),
		"outputs": map[string]any{"parameters": []any{map[string]any{fieldName: vocab.OutputReport, "value": string(text)}}},
	}
}
