// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/rollout"
	"github.com/stanzaflow/stanzaflow/internal/submit"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestTemplates shows what a person sees who brings the templates into many namespaces.
func TestTemplates(t *testing.T) {
	rendered := "testdata/templates/rendered.yaml"
	cases := map[string]struct {
		args, stdin string
		code        int
		version     string
		change      func(*testing.T, *fakeAPI)
	}{
		"apply":                 {args: "templates apply", code: 1},
		"apply-dry-run":         {args: "templates apply --dry-run", code: 1},
		"apply-force":           {args: "templates apply --namespaces crm --force-conflicts"},
		"apply-as-the-other":    {args: "templates apply --namespaces crm --field-manager argocd-controller"},
		"apply-one":             {args: "templates apply -n wiki"},
		"apply-json":            {args: "templates apply --namespaces crm,shop -o json", code: 1},
		"apply-stdin":           {args: "templates apply -f - -n shop", stdin: rendered, code: 1},
		"apply-file":            {args: "templates apply -f " + rendered + " -n shop", code: 1},
		"apply-no-file":         {args: "templates apply -f missing.yaml -n shop", code: 1},
		"apply-no-folder":       {args: "templates apply -k missing -n shop", code: 1},
		"apply-dev":             {args: "templates apply", code: 1, version: "dev"},
		"apply-dev-image":       {args: "templates apply -n shop --image registry.example.com/operator:v0.1.0", version: "dev"},
		"apply-alongside":       {args: "templates apply -n shop --mode alongside"},
		"apply-other-mode":      {args: "templates apply -n shop", change: func(t *testing.T, f *fakeAPI) { f.load(t, "../../deploy/modes/alongside/policy/cronjobs.yaml") }},
		"apply-no-label":        {args: "templates apply", code: 1, change: func(_ *testing.T, f *fakeAPI) { withoutLabels(f) }},
		"apply-no-namespace":    {args: "templates apply --namespaces shop,shpo", code: 1},
		"apply-old-policies":    {args: "templates apply", code: 1, change: func(_ *testing.T, f *fakeAPI) { withOldPolicies(f) }},
		"apply-little":          {args: "templates apply -n shop", change: func(_ *testing.T, f *fakeAPI) { forbid("validatingadmissionpolicies", "namespaces")(f) }},
		"apply-forbidden":       {args: "templates apply", code: 1, change: func(_ *testing.T, f *fakeAPI) { forbid("namespaces")(f) }},
		"apply-two-targets":     {args: "templates apply -n shop --selector a=b", code: submit.ExitUsage},
		"apply-two-bundles":     {args: "templates apply -f - --image x", code: submit.ExitUsage},
		"apply-selector":        {args: "templates apply --selector a=b,,", code: submit.ExitUsage},
		"apply-empty-selector":  {args: "templates apply --selector=", code: submit.ExitUsage},
		"apply-dry-run-client":  {args: "templates apply --dry-run=client", code: submit.ExitUsage},
		"apply-argument":        {args: "templates apply shop", code: submit.ExitUsage},
		"apply-help":            {args: "templates apply --help"},
		"status":                {args: "templates status"},
		"status-wide":           {args: "templates status --namespaces billing,edited -o wide"},
		"status-yaml":           {args: "templates status -n billing -o yaml"},
		"status-forbidden":      {args: "templates status -n shop", change: func(_ *testing.T, f *fakeAPI) { forbid("roles")(f) }},
		"status-no-stanzas":     {args: "templates status", code: 1, change: func(_ *testing.T, f *fakeAPI) { forbid("stanzas")(f) }},
		"status-help":           {args: "templates status --help"},
		"templates":             {args: "templates"},
		"templates-unknown":     {args: "templates delete", code: submit.ExitUsage},
		"complete-output":       {args: "__complete templates status -o "},
		"apply-being-deleted":   {args: "templates apply -n shop", change: func(_ *testing.T, f *fakeAPI) { beingDeleted(f, "shop") }},
		"apply-no-kubernetes":   {args: "templates apply --kubeconfig missing", code: 1},
		"apply-wrong-namespace": {args: "templates apply --namespaces Shop", code: submit.ExitUsage},
		"apply-no-mode":         {args: "templates apply --mode both", code: submit.ExitUsage},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			withoutKubernetes(t)
			withVersion(t, tc.version)
			t.Setenv("PATH", t.TempDir()) // without kubectl
			config := newFakeAPI(t, func(f *fakeAPI) {
				f.fleet(t)
				if tc.change != nil {
					tc.change(t, f)
				}
			})
			if !strings.Contains(tc.args, "--kubeconfig") {
				t.Setenv("KUBECONFIG", config)
			}
			args := append([]string{"kubectl-stanzaflow"}, strings.Fields(tc.args)...)
			if strings.HasSuffix(tc.args, " ") {
				args = append(args, "")
			}
			stdin := tc.stdin
			if stdin == "" {
				stdin = os.DevNull
			}
			got := programAt(t, lookedAt, stdin, args...)
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			goldentest.Check(t, "testdata/templates/"+name+".golden", got.String())
		})
	}
	files, err := filepath.Glob("testdata/templates/*.golden")
	if err != nil || len(files) != len(cases) {
		t.Errorf("%d golden files for %d cases, error %v", len(files), len(cases), err)
	}
}

// withVersion makes the program one of a release, v0.2.0 if none is said.
func withVersion(t *testing.T, is string) {
	t.Helper()
	before := version
	t.Cleanup(func() { version = before })
	version = "v0.2.0"
	if is != "" {
		version = is
	}
}

// fleet adds namespaces: shop has nothing, billing the release before, crm that of Argo CD,
// edited what somebody has changed, wiki what this program brings.
func (f *fakeAPI) fleet(t *testing.T) {
	t.Helper()
	kept := f.objects[:0]
	for _, o := range f.objects {
		if o.GetNamespace() != "shop" || o.GetKind() == "Stanza" {
			kept = append(kept, o)
		}
	}
	f.objects = kept
	for _, name := range []string{"shop", "billing", "crm", "edited", "wiki"} {
		f.add(t, fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {%s: %s}}}", name, vocab.LabelTemplates, vocab.TemplatesEnabled))
	}
	f.addBundle(t, "billing", "v0.1.0", vocab.TemplatesManager)
	f.addBundle(t, "crm", "v0.1.0", "argocd-controller")
	f.addBundle(t, "wiki", "v0.2.0", vocab.TemplatesManager)
	f.addBundle(t, "edited", "v0.2.0", vocab.TemplatesManager)
	i := f.find("WorkflowTemplate", "edited", vocab.DefaultWorkflowTemplate)
	f.objects[i].Object["spec"].(map[string]any)["activeDeadlineSeconds"] = int64(60)
	f.objects[i].SetManagedFields(append(f.objects[i].GetManagedFields(), managedBy("kubectl-edit")))
	f.owners["edited/"+vocab.DefaultWorkflowTemplate] = "kubectl-edit"
	for _, name := range []string{vocab.DefaultWorkflowTemplate, vocab.WatchTemplate, vocab.DrillTemplate} {
		f.owners["crm/"+name] = "argocd-controller"
	}
}

// addBundle adds what a manager has applied to a namespace.
func (f *fakeAPI) addBundle(t *testing.T, namespace, version, manager string) {
	t.Helper()
	for _, o := range bundleOf(t, version).Objects {
		o := o.DeepCopy()
		o.SetNamespace(namespace)
		o.SetResourceVersion("1")
		o.SetManagedFields([]metav1.ManagedFieldsEntry{managedBy(manager)})
		if manager != vocab.TemplatesManager {
			annotations := o.GetAnnotations()
			delete(annotations, vocab.AnnotationBundle)
			o.SetAnnotations(annotations)
		}
		f.objects = append(f.objects, *o)
	}
}

// bundles are those that were made before, by their version.
var bundles = map[string]rollout.Bundle{}

func bundleOf(t *testing.T, version string) rollout.Bundle {
	t.Helper()
	if made, ok := bundles[version]; ok {
		return made
	}
	made, err := rollout.Own(vocab.ProvisionedByUs, rollout.Image(version))
	if err != nil {
		t.Fatal(err)
	}
	bundles[version] = made
	return made
}

func managedBy(manager string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{Manager: manager, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)}
}

func withoutLabels(f *fakeAPI) {
	for i := range f.objects {
		if f.objects[i].GetKind() == "Namespace" {
			f.objects[i].SetLabels(nil)
		}
	}
}

func withOldPolicies(f *fakeAPI) {
	for i := range f.objects {
		if f.objects[i].GetKind() == "ValidatingAdmissionPolicy" {
			f.objects[i].SetLabels(map[string]string{vocab.LabelPolicyContract: "v1"})
		}
	}
}

func beingDeleted(f *fakeAPI, namespace string) {
	at := metav1.NewTime(lookedAt)
	f.objects[f.find("Namespace", "", namespace)].SetDeletionTimestamp(&at)
}
