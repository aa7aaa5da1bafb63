// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestOwnIsTheKustomization: the program brings what kustomize makes of the folders, for
// each mode, with the image of the release.
func TestOwnIsTheKustomization(t *testing.T) {
	t.Parallel()
	for folder, by := range map[string]vocab.Provisioner{
		"workflows":                            vocab.ProvisionedByUs,
		"deploy/overlays/alongside-workflows/": vocab.ProvisionedByCPO,
	} {
		root, err := filepath.Abs("../..")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		relative, err := filepath.Rel(dir, filepath.Join(root, folder))
		if err != nil {
			t.Fatal(err)
		}
		text := "resources: [" + relative + "]\nimages: [{name: ghcr.io/stanzaflow/operator, newTag: v0.2.0}]\n"
		if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := built.AsYaml()
		if err != nil {
			t.Fatal(err)
		}
		want := bundleOf(t, string(rendered))
		got, err := Own(by, Image("v0.2.0"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(byID(want), byID(got)); diff != "" {
			t.Errorf("%s (-kustomize +program):\n%s", folder, diff)
		}
	}
}

func bundleOf(t *testing.T, text string) Bundle {
	t.Helper()
	objects, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := New(objects)
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

func byID(bundle Bundle) map[string]*unstructured.Unstructured {
	all := map[string]*unstructured.Unstructured{}
	for _, o := range bundle.Objects {
		all[id(o)] = o
	}
	return all
}

// TestOrder: rights come before the templates that use them.
func TestOrder(t *testing.T) {
	t.Parallel()
	bundle, err := Own(vocab.ProvisionedByCPO, Image("v0.2.0"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, o := range bundle.Objects {
		if len(kinds) == 0 || kinds[len(kinds)-1] != o.GetKind() {
			kinds = append(kinds, o.GetKind())
		}
	}
	if diff := cmp.Diff([]string{"ServiceAccount", "Role", "RoleBinding", "WorkflowTemplate"}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestBundlesThatAreRefused: what many namespaces cannot have is said before anything is
// applied.
func TestBundlesThatAreRefused(t *testing.T) {
	t.Parallel()
	account := "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a%s}\n"
	binding := "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: b}\nsubjects: [{kind: ServiceAccount, name: mine}, {kind: ServiceAccount, name: a, namespace: shop}]\n"
	for name, tc := range map[string]struct{ text, want string }{
		"a namespace":                       {strings.Replace(account, "%s", ", namespace: shop", 1), "ServiceAccount a has the namespace shop"},
		"a ServiceAccount of one namespace": {binding, "RoleBinding b would give the ServiceAccount a of the namespace shop rights in all of them: remove subjects[1].namespace"},
		"no name":                           {"apiVersion: v1\nkind: ServiceAccount\n", "ServiceAccount has no metadata.name"},
		"no kind":                           {"metadata: {name: a}\n", "has no kind"},
		"twice":                             {strings.Replace(account, "%s", "", 1) + "---\n" + strings.Replace(account, "%s", "", 1), "ServiceAccount a is there twice"},
		"no template":                       {strings.Replace(account, "%s", "", 1), "there is no WorkflowTemplate in it"},
		"nothing":                           {"", "there is no WorkflowTemplate in it"},
		"another contract":                  {"apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: pgbackrest-watch, labels: {stanzaflow.dev/template-contract: watch-v0}}\n", "has label stanzaflow.dev/template-contract=watch-v0, and this program is for watch-v1"},
		"a broken contract":                 {"apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: mine, labels: {stanzaflow.dev/template-contract: " + vocab.TemplateContract + "}}\nspec: {}\n", "does not keep the contract " + vocab.TemplateContract},
		"a broken template":                 {"apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: mine, labels: {stanzaflow.dev/template-contract: " + vocab.TemplateContract + "}}\nspec: 1\n", "cannot be read by Argo"},
	} {
		objects, err := Read(strings.NewReader(tc.text))
		if err == nil {
			_, err = New(objects)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "ServiceAccount mine") {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// TestCompare: only what the bundle says counts.
func TestCompare(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	for name, tc := range map[string]struct {
		want, live any
		fields     []string
	}{
		"the same":                     {object{"a": int64(1)}, object{"a": int64(1)}, nil},
		"a default of the API server":  {object{"a": "x"}, object{"a": "x", "b": "y"}, nil},
		"another value":                {object{"a": object{"b": "x"}}, object{"a": object{"b": "y"}}, []string{".a.b"}},
		"a field that is missing":      {object{"a": object{"b": "x"}}, object{"a": object{}}, []string{".a.b"}},
		"an object that is missing":    {object{"a": object{"b": "x"}}, object{}, []string{".a"}},
		"an empty object":              {object{"a": object{}}, object{}, nil},
		"an empty list that is absent": {object{"a": []any{}}, object{}, nil},
		"a shorter list":               {object{"a": []any{"x"}}, object{"a": []any{"x", "y"}}, []string{".a"}},
		"an item of a list":            {object{"a": []any{object{"b": "x"}}}, object{"a": []any{object{"b": "y", "c": "z"}}}, []string{".a[0].b"}},
		"another type":                 {object{"a": "1"}, object{"a": int64(1)}, []string{".a"}},
	} {
		if diff := cmp.Diff(tc.fields, compare("", tc.want, tc.live)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCompareContracts(t *testing.T) {
	t.Parallel()
	for have, want := range map[string]contract.Age{
		"v5": contract.Older, "v6": contract.SameOrUnknown, "v10": contract.Newer, "watch-v1": contract.SameOrUnknown, "": contract.SameOrUnknown, "mine": contract.SameOrUnknown,
	} {
		if got := compareContracts(have, "v6"); got != want {
			t.Errorf("%q: %d, want %d", have, got, want)
		}
	}
}
