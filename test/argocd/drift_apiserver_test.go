//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

const (
	root      = "../.."
	namespace = "cpo"
	// manager is the field manager of Argo CD.
	manager = "argocd-controller"
)

// TestNothingDrifts applies everything that a user applies twice, as Argo CD does, and
// then compares as Argo CD does, by each of its two ways: nothing may differ. A manifest
// that differs from what the API server makes of it would be OutOfSync for ever.
func TestNothingDrifts(t *testing.T) {
	c := startCluster(t)
	folders := slices.Concat(
		given.Glob(t, root+"/deploy/overlays/*/kustomization.yaml", 5),
		given.Glob(t, root+"/workflows/kustomization.yaml", 1),
		given.Glob(t, root+"/examples/*/kustomization.yaml", 9),
		given.Glob(t, root+"/examples/notify/*/kustomization.yaml", 3),
	)
	for _, file := range folders {
		objects := built(t, filepath.Dir(file))
		t.Run(strings.TrimPrefix(filepath.Dir(file), root+"/"), func(t *testing.T) { c.wantNoDrift(t, objects) })
	}
	t.Run("workflows with every component", func(t *testing.T) { c.wantNoDrift(t, withEveryComponent(t)) })
	t.Run("the operator with its components", func(t *testing.T) {
		overlay := under(t, "resources: [ROOT/deploy/overlays/standalone]\ncomponents: [ROOT/deploy/components/argocd, ROOT/deploy/components/network-policy]\n")
		c.wantNoDrift(t, built(t, overlay))
	})
}

// TestStatusDoesNotDrift: what the operator and Argo write into an object is not in Git.
func TestStatusDoesNotDrift(t *testing.T) {
	c := startCluster(t)
	t.Run("CronWorkflow", func(t *testing.T) {
		for name, object := range given.CronWorkflows(t, root) {
			object["metadata"].(map[string]any)["namespace"] = namespace
			c.applyTwice(t, []*unstructured.Unstructured{{Object: object}})
			// Argo has no subresource for the status, and notes the schedule in an annotation.
			c.patch(t, object, `{"metadata": {"annotations": {"cronworkflows.argoproj.io/last-used-schedule": "CRON_TZ=UTC 30 2 * * *"}},
				"status": {"phase": "Active", "succeeded": 3, "failed": 0, "active": [], "lastScheduledTime": "2026-03-01T02:30:00Z", "conditions": [{"type": "SubmissionError", "status": "True", "message": "x"}]}}`)
			c.compare(t, name, &unstructured.Unstructured{Object: object})
		}
	})
	t.Run("Stanza", func(t *testing.T) {
		stanza := map[string]any{}
		if err := yaml.Unmarshal([]byte(`
apiVersion: stanzaflow.dev/v1alpha1
kind: Stanza
metadata: {name: shop, namespace: cpo}
spec:
  timeZone: Europe/Vienna
  runs: {full: pod}
  triggers:
    - {name: release, event: Change, of: {kind: Deployment, name: web}, type: incr}
`), &stanza); err != nil {
			t.Fatal(err)
		}
		c.applyTwice(t, []*unstructured.Unstructured{{Object: stanza}})
		c.patch(t, stanza, `{"status": {"observedGeneration": 1, "schedule": "full 30 2 * * *", "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "x", "lastTransitionTime": "2026-03-01T02:30:00Z"}]}}`, "status")
		c.compare(t, "Stanza", &unstructured.Unstructured{Object: stanza})
	})
	t.Run("a change is seen", func(t *testing.T) {
		for _, object := range built(t, root+"/workflows") {
			if object.GetKind() != "WorkflowTemplate" {
				continue
			}
			c.applyTwice(t, []*unstructured.Unstructured{object})
			c.patch(t, object.Object, `{"spec": {"activeDeadlineSeconds": 1}}`)
			for way, differs := range c.differences(t, object) {
				if differs == "" {
					t.Errorf("%s does not see a change", way)
				}
			}
		}
	})
}

type cluster struct {
	config  *rest.Config
	objects dynamic.Interface
	mapper  meta.RESTMapper
}

// startCluster starts an API server with the kinds of Argo and ours.
func startCluster(t *testing.T) cluster {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	crds, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "manifests/base/crds/minimal/argoproj.io_*.yaml"))
	if err != nil || len(crds) < 5 {
		t.Fatalf("Argo has the CRDs %v: %v", crds, err)
	}
	config := apiservertest.Start(t, append(crds, given.Glob(t, root+"/deploy/crds/*_*.yaml", 2)...)...)
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	api, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{config: config, objects: objects, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(api))}
	c.apply(t, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace}}})
	return c
}

// built renders a folder as kubectl does. What has no namespace goes to ours.
func built(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	var objects []*unstructured.Unstructured
	for _, resource := range made.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, &unstructured.Unstructured{Object: given.Decode(t, folder, text)})
	}
	return objects
}

// withEveryComponent builds workflows/ with all components.
func withEveryComponent(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	text := "namespace: " + namespace + "\nresources: [ROOT/workflows]\ncomponents:\n"
	for _, file := range given.Glob(t, root+"/workflows/components/*/kustomization.yaml", 8) {
		text += "  - ROOT/workflows/components/" + filepath.Base(filepath.Dir(file)) + "\n"
	}
	return built(t, under(t, text))
}

// under writes a kustomization in which ROOT is this checkout, and returns its folder.
func under(t *testing.T, text string) string {
	t.Helper()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	relative, err := filepath.Rel(folder, checkout)
	if err != nil {
		t.Fatal(err)
	}
	text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n" + strings.ReplaceAll(text, "ROOT", relative)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func (c cluster) wantNoDrift(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	c.applyTwice(t, objects)
	for _, object := range objects {
		c.compare(t, object.GetKind()+" "+object.GetName(), object)
	}
}

// applyTwice applies namespaces first.
func (c cluster) applyTwice(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	first := func(o *unstructured.Unstructured) int {
		return slices.Index([]string{"Namespace", "CustomResourceDefinition"}, o.GetKind())
	}
	ordered := slices.SortedStableFunc(slices.Values(objects), func(a, b *unstructured.Unstructured) int {
		return first(b) - first(a)
	})
	for range 2 {
		for _, object := range ordered {
			c.apply(t, object)
		}
	}
}

func (c cluster) apply(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	if _, err := c.resource(t, object).Apply(t.Context(), object.GetName(), object, metav1.ApplyOptions{FieldManager: manager, Force: true}); err != nil {
		t.Fatalf("cannot apply %s %s: %v", object.GetKind(), object.GetName(), err)
	}
}

func (c cluster) patch(t *testing.T, object map[string]any, body string, subresources ...string) {
	t.Helper()
	o := &unstructured.Unstructured{Object: object}
	if _, err := c.resource(t, o).Patch(t.Context(), o.GetName(), types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: "another"}, subresources...); err != nil {
		t.Fatal(err)
	}
}

// resource sets the namespace of an object that has none and needs one.
func (c cluster) resource(t *testing.T, object *unstructured.Unstructured) dynamic.ResourceInterface {
	t.Helper()
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		t.Fatal(err)
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.objects.Resource(mapping.Resource)
	}
	if object.GetNamespace() == "" {
		object.SetNamespace(namespace)
	}
	return c.objects.Resource(mapping.Resource).Namespace(object.GetNamespace())
}

// compare fails the test if an object differs from what is in the cluster.
func (c cluster) compare(t *testing.T, name string, object *unstructured.Unstructured) {
	t.Helper()
	for way, differs := range c.differences(t, object) {
		if differs != "" {
			t.Errorf("%s, %s: %s", name, way, differs)
		}
	}
}

// differences compares by both ways of Argo CD: its own comparison, and what a dry run of
// a server-side apply would change.
func (c cluster) differences(t *testing.T, object *unstructured.Unstructured) map[string]string {
	t.Helper()
	resource := c.resource(t, object)
	found := map[string]string{}
	for way, options := range map[string][]diff.Option{
		"client-side": nil,
		"server-side": {diff.WithServerSideDiff(true), diff.WithIgnoreMutationWebhook(false), diff.WithManager(manager), diff.WithServerSideDryRunner(dryRun{resource})},
	} {
		live, err := resource.Get(t.Context(), object.GetName(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		result, err := diff.Diff(object.DeepCopy(), live, options...)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		found[way] = ""
		if result.Modified {
			found[way] = "live " + string(result.NormalizedLive) + "\nwould become " + string(result.PredictedLive)
		}
	}
	return found
}

// dryRun asks the API server what an apply would make of an object.
type dryRun struct{ resource dynamic.ResourceInterface }

func (d dryRun) Run(ctx context.Context, object *unstructured.Unstructured, manager string) (string, error) {
	made, err := d.resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: manager, Force: true, DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(made.Object)
	return string(text), err
}
