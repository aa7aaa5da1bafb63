//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// thinRun is a run as a trigger starts it.
func thinRun(namespace string) *unstructured.Unstructured {
	run := object.New(object.Workflow)
	run.SetNamespace(namespace)
	run.SetName("pgbackrest-shop-release-1795940000")
	run.SetLabels(map[string]string{vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: "shop"})
	run.SetAnnotations(map[string]string{vocab.AnnotationCauses: `["Deployment/shop, generation 7"]`})
	run.Object[object.FieldSpec] = part{
		"workflowTemplateRef": part{"name": vocab.DefaultWorkflowTemplate},
		"arguments":           part{"parameters": []any{part{"name": vocab.ParamCluster, "value": "shop"}}},
		"priority":            int64(10),
	}
	return run
}

// testStartsNothingElse has the operator start runs that are more than arguments for
// a WorkflowTemplate.
func testStartsNothingElse(t *testing.T, w *world) {
	const (
		named      = "only Workflows named pgbackrest-*"
		bare       = "only Workflows without a status, finalizers and owners"
		fields     = "only Workflows with workflowTemplateRef, entrypoint, arguments and priority"
		entrypoint = "only Workflows with the entrypoint stanza, backup-dag or backup-compact"
		parameters = "only Workflows whose arguments are parameters"
		reference  = "only Workflows that refer to a WorkflowTemplate of their namespace"
	)
	spec := func(value any, fields ...string) edit {
		return set(value, append([]string{object.FieldSpec}, fields...)...)
	}
	for title, test := range map[string]struct {
		edit edit
		want string
	}{
		"as planned":                     {set("1", object.FieldMetadata, "annotations", "x"), ""},
		"that makes the stanza":          {spec(vocab.EntrypointStanza, "entrypoint"), ""},
		"that has a pod for each step":   {spec(vocab.EntrypointBackupDAG, "entrypoint"), ""},
		"that has one container":         {spec(vocab.EntrypointBackupCompact, "entrypoint"), ""},
		"of a single step":               {spec("dag-verify", "entrypoint"), entrypoint},
		"of another name":                {set("miner", object.FieldMetadata, "name"), named},
		"without a cluster":              {set(part{vocab.LabelManagedBy: vocab.ManagedBy}, object.FieldMetadata, "labels"), named},
		"without the label":              {set(part{vocab.LabelCluster: "shop"}, object.FieldMetadata, "labels"), named},
		"that has ended already":         {set(part{"phase": "Succeeded"}, "status"), bare},
		"with a finalizer":               {set([]any{"example.com/x"}, object.FieldMetadata, "finalizers"), bare},
		"with an owner":                  {set([]any{part{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}}, object.FieldMetadata, "ownerReferences"), bare},
		"with steps of its own":          {spec([]any{part{"name": "x"}}, "templates"), fields},
		"of another ServiceAccount":      {spec("default", "serviceAccountName"), fields},
		"that patches its pods":          {spec("{}", "podSpecPatch"), fields},
		"with a hook":                    {spec(part{"exit": part{"template": "x"}}, "hooks"), fields},
		"with an exit handler":           {spec("x", "onExit"), fields},
		"with a volume":                  {spec([]any{part{"name": "x", "emptyDir": part{}}}, "volumes"), fields},
		"that is suspended":              {spec(true, "suspend"), fields},
		"of a deploy":                    {spec(vocab.EntrypointPredeploy, "entrypoint"), entrypoint},
		"with an artifact":               {spec([]any{part{"name": "x"}}, "arguments", "artifacts"), parameters},
		"of a ClusterWorkflowTemplate":   {spec(true, "workflowTemplateRef", "clusterScope"), reference},
		"of nothing":                     {set(part{}, object.FieldSpec), reference},
		"without a word of what it does": {spec(nil, "workflowTemplateRef"), reference},
	} {
		t.Run(title, func(t *testing.T) {
			want := thinRun(w.namespace)
			test.edit.apply(t, want.Object)
			if err := w.tryToMake(want); test.want != "" {
				wantRefused(t, err, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	run := thinRun(w.namespace)
	w.create(run)
	if err := w.controller.client.Delete(t.Context(), run, client.DryRunAll); err == nil {
		t.Error("the operator deletes a run")
	}
}
