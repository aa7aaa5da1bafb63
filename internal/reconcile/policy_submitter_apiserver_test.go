//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"os"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// TestSubmitter checks what the ServiceAccount of workflows/components/submitter may do:
// start the WorkflowTemplate, and nothing else.
func TestSubmitter(t *testing.T) {
	for _, variant := range []string{"minimal", "full"} {
		t.Run(variant+" CRDs", func(t *testing.T) {
			s := startServer(t, argoCRDs(t, variant)...)
			w := s.world(t)
			s.installSubmitter(t, w.namespace)
			// One that somebody gave every right: only the policy limits it.
			s.bind(t, w.namespace, "cluster-admin", serviceAccount(w.namespace, "shop-pgbackrest-submitter"))
			weak, strong := s.as(t, serviceAccount(w.namespace, "pgbackrest-submitter")), s.as(t, serviceAccount(w.namespace, "shop-pgbackrest-submitter"))
			for _, may := range []client.Client{weak, strong} {
				eventually(t, func() error { return may.Create(t.Context(), submitted(w.namespace), client.DryRunAll) })
			}
			t.Run("may start a run", func(t *testing.T) { testSubmits(t, w, weak) })
			t.Run("may start nothing else", func(t *testing.T) { testSubmitsNothingElse(t, w, strong) })
			t.Run("may do nothing else", func(t *testing.T) { testDoesNothingElse(t, w, weak, strong) })
		})
	}
}

// submitted is the Workflow that kubectl creates from the example.
func submitted(namespace string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: part{
		object.FieldMetadata: part{"generateName": "pgbackrest-predeploy-"},
		object.FieldSpec: part{
			"workflowTemplateRef": part{"name": "pgbackrest-backup"},
			"entrypoint":          "predeploy",
			"arguments": part{"parameters": []any{
				part{"name": "cluster", "value": "shop"}, part{"name": "repo", "value": "repo1"}, part{"name": "type", "value": "incr"},
			}},
		},
	}}
	o.SetGroupVersionKind(object.Workflow)
	o.SetNamespace(namespace)
	return o
}

// stored is a template as Argo stores it in a status.
func stored(key string) part {
	return part{key: part{"name": "predeploy", "container": part{"image": "x"}}}
}

func testSubmits(t *testing.T, w *world, submitter client.Client) {
	const argo = "workflows.argoproj.io/"
	labels := func(all part) edit { return set(all, object.FieldMetadata, "labels") }
	for title, e := range map[string]edit{
		"as kubectl does":           set("shop-1", object.FieldMetadata, "name"),
		"a plain backup":            set("backup", object.FieldSpec, "entrypoint"),
		"a backup in one container": set("backup-compact", object.FieldSpec, "entrypoint").and(labels(part{"stanzaflow.dev/kind": "backup"})),
		"a backup as a dag":         set("backup-dag", object.FieldSpec, "entrypoint").and(labels(part{"stanzaflow.dev/kind": "backup"})),
		"before others":             set(int64(100), object.FieldSpec, "priority"),
		// A client with Argo's types sends these.
		"as argo submit does": labels(part{argo + "workflow-template": "pgbackrest-backup"}).
			and(set(part{"startedAt": nil, "finishedAt": nil, "storedTemplates": stored("namespaced/pgbackrest-backup/predeploy")}, "status")).and(set("predeploy", object.FieldSpec, "entrypoint")),
		"as Argo Server does": labels(part{
			argo + "workflow-template": "pgbackrest-backup", argo + "workflow-event-binding": "release",
			argo + "creator": "system-serviceaccount-db-pgbackrest-submitter",
		}),
		"as operator predeploy does": labels(part{
			"app.kubernetes.io/managed-by": "stanzaflow", "stanzaflow.dev/cluster": "shop", "stanzaflow.dev/repo": "repo1",
			"stanzaflow.dev/type": "incr", "stanzaflow.dev/trigger": "manual", "stanzaflow.dev/kind": "predeploy",
		}).and(set(part{argo + "title": "shop / predeploy"}, object.FieldMetadata, "annotations")).
			and(set(part{"name": "trigger", "value": "manual"}, object.FieldSpec, "arguments", "parameters")),
		"as a Sensor does": labels(part{"events.argoproj.io/sensor": "release", "events.argoproj.io/trigger": "predeploy", "events.argoproj.io/action-timestamp": "1764406800000"}),
		"with words":       labels(part{"app": "shop"}).and(set(part{argo + "title": "before release 7", "team": "shop"}, object.FieldMetadata, "annotations")),
	} {
		t.Run(title, func(t *testing.T) {
			want := submitted(w.namespace)
			e.apply(t, want.Object)
			if err := submitter.Create(t.Context(), want, client.DryRunAll); err != nil {
				t.Error(err)
			}
		})
	}
}

func testSubmitsNothingElse(t *testing.T, w *world, submitter client.Client) {
	const (
		fields     = "may set only workflowTemplateRef, entrypoint, arguments and priority"
		template   = "may run only the WorkflowTemplate pgbackrest-backup of the same namespace"
		entrypoint = "may run only the entrypoints backup, backup-dag, backup-compact and predeploy"
		arguments  = "only parameters with a name and a value"
		braces     = "may not use {{ in a parameter"
		trigger    = "may not say that a schedule or a trigger has started"
		argo       = "may set only these labels of Argo Workflows"
		label      = "may set no label of stanzaflow.dev that differs"
		annotation = "may set no annotation of stanzaflow.dev"
		owners     = "neither owners nor finalizers"
		status     = "may not set the status"
	)
	spec := func(value any, field ...string) edit {
		return set(value, append([]string{object.FieldSpec}, field...)...)
	}
	parameter := func(one part) edit { return spec(one, "arguments", "parameters") }
	withLabel := func(key, value string) edit { return set(value, object.FieldMetadata, "labels", key) }
	annotated := func(key, value string) edit { return set(value, object.FieldMetadata, "annotations", key) }
	for title, test := range map[string]struct {
		edit edit
		want string
	}{
		"steps of its own":               {spec([]any{part{"name": "x", "container": part{"image": "x"}}}, "templates"), fields},
		"another ServiceAccount":         {spec("pgbackrest-runner", "serviceAccountName"), fields},
		"a patch of its pods":            {spec("hostNetwork: true", "podSpecPatch"), fields},
		"metadata of its pods":           {spec(part{"labels": part{"x": "y"}}, "podMetadata"), fields},
		"a hook":                         {spec(part{"exit": part{"template": "x"}}, "hooks"), fields},
		"a last step":                    {spec("backup", "onExit"), fields},
		"a volume":                       {spec([]any{part{"name": "x", "hostPath": part{"path": "/"}}}, "volumes"), fields},
		"a collection of its artifacts":  {spec(part{"podSpecPatch": "hostNetwork: true"}, "artifactGC"), fields},
		"no trace":                       {spec(part{"secondsAfterCompletion": int64(0)}, "ttlStrategy"), fields},
		"another deadline":               {spec(int64(999999), "activeDeadlineSeconds"), fields},
		"a run that waits for a person":  {spec(true, "suspend"), fields},
		"labels by an expression":        {spec(part{"labels": part{"x": "y"}}, "workflowMetadata"), fields},
		"another template":               {spec("deploy", "workflowTemplateRef", "name"), template},
		"no template":                    {spec(part{}, "workflowTemplateRef"), template},
		"a ClusterWorkflowTemplate":      {spec(true, "workflowTemplateRef", "clusterScope"), template},
		"a run without a backup":         {spec("stanza", "entrypoint"), entrypoint},
		"a single step":                  {spec("dag-verify", "entrypoint"), entrypoint},
		"an artifact":                    {spec([]any{part{"name": "x"}}, "arguments", "artifacts"), arguments},
		"a parameter from a ConfigMap":   {parameter(part{"name": "limit", "valueFrom": part{"configMapKeyRef": part{"name": "x", "key": "y"}}}), arguments},
		"a parameter with other choices": {parameter(part{"name": "verify", "value": "x", "enum": []any{"x"}}), arguments},
		"an expression":                  {parameter(part{"name": "limit", "value": "{{=1}}"}), braces},
		"a number with an expression":    {parameter(part{"name": "limit", "value": "7{{workflow.name}}"}), braces},
		"the name of a trigger":          {parameter(part{"name": "trigger", "value": "failover"}), trigger},
		"the label of another cluster":   {withLabel("stanzaflow.dev/cluster", "bank"), label},
		"the label of another kind":      {withLabel("stanzaflow.dev/kind", "backup"), label},
		"another label of ours":          {withLabel("stanzaflow.dev/x", "shop"), label},
		"a label that looks like ours":   {withLabel("x.stanzaflow.dev/cluster", "shop"), label},
		"the label of a trigger":         {withLabel("stanzaflow.dev/trigger", "failover"), label},
		"the label of a run that ended":  {withLabel("workflows.argoproj.io/completed", "true"), argo},
		"the label of a schedule":        {withLabel("workflows.argoproj.io/cron-workflow", "pgbackrest-shop-repo1-full"), argo},
		"the causes of a trigger":        {annotated("stanzaflow.dev/causes", `["x"]`), annotation},
		"the slot of a schedule":         {annotated("workflows.argoproj.io/scheduled-time", "2026-01-01T00:00:00Z"), annotation},
		"a command that ends a pod":      {annotated("workflows.argoproj.io/kill-cmd-main", `["x"]`), annotation},
		"a result":                       {set(part{"phase": "Succeeded"}, "status"), status},
		"an output":                      {set(part{"outputs": part{"parameters": []any{part{"name": "restore-point", "value": "x"}}}}, "status"), status},
		"the steps of a template":        {set(part{"storedWorkflowTemplateSpec": part{"templates": []any{part{"name": "predeploy"}}}}, "status"), status},
		"a copy of another template":     {set(part{"storedTemplates": stored("namespaced/notify/send")}, "status"), status},
		"a finalizer":                    {set([]any{"example.com/x"}, object.FieldMetadata, "finalizers"), owners},
		"an owner": {set([]any{part{"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "name": "x", "uid": "x"}},
			object.FieldMetadata, "ownerReferences"), owners},
	} {
		t.Run(title, func(t *testing.T) {
			want := submitted(w.namespace)
			test.edit.apply(t, want.Object)
			wantRefused(t, submitter.Create(t.Context(), want, client.DryRunAll), test.want)
		})
	}
}

func testDoesNothingElse(t *testing.T, w *world, weak, strong client.Client) {
	run := submitted(w.namespace)
	if err := weak.Create(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if err := weak.Get(t.Context(), client.ObjectKeyFromObject(run), run); err != nil {
		t.Errorf("it cannot see how its run ends: %v", err)
	}
	const words = "may create Workflows, and neither change nor delete them"
	stop := client.RawPatch(types.MergePatchType, []byte(`{"spec": {"shutdown": "Terminate"}}`))
	wantRefused(t, strong.Patch(t.Context(), run.DeepCopy(), stop), words)
	wantRefused(t, strong.Delete(t.Context(), run.DeepCopy()), words)
	for what, err := range map[string]error{
		"stop a run":   weak.Patch(t.Context(), run.DeepCopy(), stop),
		"delete a run": weak.Delete(t.Context(), run.DeepCopy()),
		"schedule one": weak.Create(t.Context(), &unstructured.Unstructured{Object: part{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", object.FieldMetadata: part{"name": "x", "namespace": w.namespace},
			object.FieldSpec: part{"schedules": []any{"@daily"}, "workflowSpec": submitted("").Object[object.FieldSpec]},
		}}, client.DryRunAll),
		"start one elsewhere": weak.Create(t.Context(), submitted("default"), client.DryRunAll),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("it may %s: %v", what, err)
		}
	}
}

// installSubmitter installs the component in a namespace.
func (s *server) installSubmitter(t *testing.T, namespace string) {
	t.Helper()
	text, err := os.ReadFile("../../workflows/components/submitter/submitter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range reconciletest.AllFromYAML(t, string(text)) {
		o.SetNamespace(namespace)
		// kubectl apply -k -n does the same.
		if o.GetKind() == "RoleBinding" {
			set(namespace, "subjects", "namespace").apply(t, o.Object)
		}
		if err := s.client.Create(t.Context(), o); err != nil {
			t.Fatalf("cannot create %s: %v", object.ID(o), err)
		}
	}
}

// serviceAccount is the name of a ServiceAccount as a user.
func serviceAccount(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}

// as returns a client with the rights of a user.
func (s *server) as(t *testing.T, user string) client.Client {
	t.Helper()
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	return s.newClient(t, config)
}
