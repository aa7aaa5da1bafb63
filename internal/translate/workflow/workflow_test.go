// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package workflow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestWorkflow shows the two runs that a trigger starts as the API server gets them.
// deploy/base/policy/workflows.yaml allows no other field.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	run := workflow.Run{Cluster: "orders", Template: "pgbackrest-backup", Kind: vocab.RunBackup, Repo: "repo1", Type: "incr", Trigger: "release"}
	backup := `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: pgbackrest-orders-release-1764407100
  namespace: shop
  labels:
    app.kubernetes.io/managed-by: stanzaflow
    app.kubernetes.io/part-of: stanzaflow
    stanzaflow.dev/cluster: orders
    stanzaflow.dev/kind: backup
    stanzaflow.dev/repo: repo1
    stanzaflow.dev/trigger: release
    stanzaflow.dev/type: incr
  annotations:
    stanzaflow.dev/causes: '["Deployment/shop: generation 5"]'
    workflows.argoproj.io/title: incr orders repo1
spec:
  workflowTemplateRef: {name: pgbackrest-backup}
  priority: 0
  arguments:
    parameters:
    - {name: cluster, value: orders}
    - {name: repo, value: repo1}
    - {name: type, value: incr}
    - {name: trigger, value: release}
`
	compare(t, backup, run)

	run.Form = vocab.FormPod
	compare(t, backup, run)
	run.Form = vocab.FormDAG
	compare(t, strings.Replace(backup, "  priority: 0\n", "  entrypoint: backup-dag\n  priority: 0\n", 1), run)
	run.Form = vocab.FormCompact
	compare(t, strings.Replace(backup, "  priority: 0\n", "  entrypoint: backup-compact\n  priority: 0\n", 1), run)

	run = workflow.Run{Cluster: "orders", Template: "mine", Kind: vocab.RunStanza, Form: vocab.FormDAG, Repo: "repo2", Type: "full", Trigger: "initial"}
	stanza := `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: pgbackrest-orders-release-1764407100
  namespace: shop
  labels:
    app.kubernetes.io/managed-by: stanzaflow
    app.kubernetes.io/part-of: stanzaflow
    stanzaflow.dev/cluster: orders
    stanzaflow.dev/kind: stanza
    stanzaflow.dev/repo: repo2
    stanzaflow.dev/trigger: initial
    stanzaflow.dev/type: full
  annotations:
    stanzaflow.dev/causes: '["Deployment/shop: generation 5"]'
    workflows.argoproj.io/title: full orders repo2
spec:
  workflowTemplateRef: {name: mine}
  entrypoint: stanza
  priority: 20
  arguments:
    parameters:
    - {name: cluster, value: orders}
    - {name: repo, value: repo2}
    - {name: type, value: full}
    - {name: trigger, value: initial}
`
	compare(t, stanza, run)
}

// TestPriority: the most overdue run goes first among those of its type, and never before the
// next type.
func TestPriority(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	for _, tc := range []struct {
		run  workflow.Run
		want int32
	}{
		{workflow.Run{Type: "incr"}, 0},
		{workflow.Run{Type: "diff"}, 10},
		{workflow.Run{Type: "full"}, 20},
		{workflow.Run{Type: "full", Overdue: -time.Hour}, 20},
		{workflow.Run{Type: "full", Overdue: 59 * time.Minute}, 20},
		{workflow.Run{Type: "full", Overdue: time.Hour}, 21},
		{workflow.Run{Type: "full", Overdue: 4 * time.Hour}, 23},
		{workflow.Run{Type: "full", Overdue: 24 * time.Hour}, 25},
		{workflow.Run{Type: "incr", Overdue: year}, 9},
		{workflow.Run{Type: "diff", Overdue: year}, 19},
		{workflow.Run{Type: "full", Overdue: year}, 29},
		{workflow.Run{Type: "full", Kind: vocab.RunPredeploy}, 30},
	} {
		if got := *tc.run.Spec().Priority; got != tc.want {
			t.Errorf("%+v has priority %d, want %d", tc.run, got, tc.want)
		}
	}
}

// TestPredeploy shows the run before a deploy. The parameters that are not given have the
// defaults of the template.
func TestPredeploy(t *testing.T) {
	t.Parallel()
	run := workflow.Run{Cluster: "orders", Template: "pgbackrest-backup", Kind: vocab.RunPredeploy, Form: vocab.FormDAG, Repo: "repo1", Type: "incr", Trigger: "manual", MaxAge: "15m0s"}
	compare(t, `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: pgbackrest-orders-release-1764407100
  namespace: shop
  labels:
    app.kubernetes.io/managed-by: stanzaflow
    app.kubernetes.io/part-of: stanzaflow
    stanzaflow.dev/cluster: orders
    stanzaflow.dev/kind: predeploy
    stanzaflow.dev/repo: repo1
    stanzaflow.dev/trigger: manual
    stanzaflow.dev/type: incr
  annotations:
    stanzaflow.dev/causes: '["Deployment/shop: generation 5"]'
    workflows.argoproj.io/title: predeploy orders repo1
spec:
  workflowTemplateRef: {name: pgbackrest-backup}
  entrypoint: predeploy
  priority: 30
  arguments:
    parameters:
    - {name: cluster, value: orders}
    - {name: repo, value: repo1}
    - {name: type, value: incr}
    - {name: trigger, value: manual}
    - {name: max-age, value: 15m0s}
`, run)
}

func TestName(t *testing.T) {
	t.Parallel()
	run := workflow.Run{Cluster: "orders", Repo: "repo1", Type: "full"}
	if got := run.Name("x7k2p"); got != "pgbackrest-orders-repo1-full-x7k2p" {
		t.Errorf("a backup is called %s", got)
	}
	run.Kind, run.Cluster = vocab.RunPredeploy, strings.Repeat("orders-", 9)
	if got := run.Name("x7k2pm4vqd"); len(got) > 63 || !strings.HasSuffix(got, "-repo1-predeploy-x7k2pm4vqd") {
		t.Errorf("a pre-deploy run of a long name is called %s, %d characters", got, len(got))
	}
}

func compare(t *testing.T, text string, run workflow.Run) {
	t.Helper()
	var want map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	got, err := manifest.Object(run.Workflow("shop", "pgbackrest-orders-release-1764407100", map[string]string{vocab.AnnotationCauses: `["Deployment/shop: generation 5"]`}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTemplateName(t *testing.T) {
	t.Parallel()
	if got := workflow.TemplateName(stanzaflowv1alpha1.StanzaSpec{}); got != vocab.DefaultWorkflowTemplate {
		t.Errorf("without a name it is %s", got)
	}
	if got := workflow.TemplateName(stanzaflowv1alpha1.StanzaSpec{WorkflowTemplate: "mine"}); got != "mine" {
		t.Errorf("mine is %s", got)
	}
}

func TestFormOf(t *testing.T) {
	t.Parallel()
	for backupType, want := range map[string]vocab.RunForm{"full": vocab.FormDAG, "diff": vocab.FormDAG, "incr": vocab.FormPod} {
		if got := workflow.FormOf(stanzaflowv1alpha1.StanzaSpec{}, backupType); got != want {
			t.Errorf("by default %s is a %s, want %s", backupType, got, want)
		}
	}
	stanza := stanzaflowv1alpha1.StanzaSpec{Runs: stanzaflowv1alpha1.RunForms{Full: "pod", Diff: "compact", Incr: "dag"}}
	for backupType, want := range map[string]vocab.RunForm{"full": vocab.FormPod, "diff": vocab.FormCompact, "incr": vocab.FormDAG} {
		if got := workflow.FormOf(stanza, backupType); got != want {
			t.Errorf("%s is a %s, want %s", backupType, got, want)
		}
	}
}
