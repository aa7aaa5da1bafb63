// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package workflow_test

import (
	"testing"

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
    workflows.argoproj.io/title: orders / repo1 / incr
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

	run = workflow.Run{Cluster: "orders", Template: "mine", Kind: vocab.RunStanza, Repo: "repo2", Type: "full", Trigger: "initial"}
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
    workflows.argoproj.io/title: orders / repo2 / full
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
