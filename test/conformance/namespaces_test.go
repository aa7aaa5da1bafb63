// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

// TestDocumentedApplicationSet renders the ApplicationSet of docs/gitops.md as Argo CD
// does, and the folder with the namespace of each application.
func TestDocumentedApplicationSet(t *testing.T) {
	var set struct {
		Kind string `json:"kind"`
		Spec struct {
			GoTemplate        bool     `json:"goTemplate"`
			GoTemplateOptions []string `json:"goTemplateOptions"`
			Generators        []struct {
				List struct {
					Elements []map[string]any `json:"elements"`
				} `json:"list"`
			} `json:"generators"`
			Template map[string]any `json:"template"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(documented(t, "gitops.md", "applicationset")), &set); err != nil {
		t.Fatal(err)
	}
	if set.Kind != "ApplicationSet" || !set.Spec.GoTemplate || len(set.Spec.Generators) != 1 || len(set.Spec.Generators[0].List.Elements) < 2 {
		t.Fatalf("%+v", set)
	}
	text, err := yaml.Marshal(set.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := template.New("").Option(set.Spec.GoTemplateOptions...).Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, element := range set.Spec.Generators[0].List.Elements {
		var rendered strings.Builder
		if err := parsed.Execute(&rendered, element); err != nil {
			t.Fatal(err)
		}
		var application struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Spec struct {
				Source struct {
					Path      string `json:"path"`
					Kustomize struct {
						Namespace string `json:"namespace"`
					} `json:"kustomize"`
				} `json:"source"`
				Destination struct {
					Namespace string `json:"namespace"`
				} `json:"destination"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal([]byte(rendered.String()), &application); err != nil {
			t.Fatal(err)
		}
		namespace := application.Spec.Destination.Namespace
		if namespace == "" || namespace != application.Spec.Source.Kustomize.Namespace || names[application.Metadata.Name] {
			t.Errorf("application %+v", application)
		}
		names[application.Metadata.Name] = true
		inNamespace(t, application.Spec.Source.Path, namespace)
	}
}

// TestDocumentedFlux renders the folder of the Kustomization of Flux in docs/gitops.md.
func TestDocumentedFlux(t *testing.T) {
	var kustomization struct {
		Kind string `json:"kind"`
		Spec struct {
			Path            string `json:"path"`
			TargetNamespace string `json:"targetNamespace"`
			Wait            *bool  `json:"wait"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(documented(t, "gitops.md", "flux")), &kustomization); err != nil {
		t.Fatal(err)
	}
	if kustomization.Kind != "Kustomization" || kustomization.Spec.Wait == nil || *kustomization.Spec.Wait {
		t.Errorf("%+v", kustomization)
	}
	inNamespace(t, kustomization.Spec.Path, kustomization.Spec.TargetNamespace)
}

// documented returns the block of a page of docs below a comment.
func documented(t *testing.T, page, name string) string {
	t.Helper()
	_, block, _ := strings.Cut(string(given.Read(t, filepath.Join(root, "docs", page))), "<!-- "+name+" -->\n")
	_, block, _ = strings.Cut(block, "```yaml\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatalf("docs/%s has no %s", page, name)
	}
	return block
}

// inNamespace renders a folder for a namespace, as Argo CD and Flux do, and fails the test
// unless all of it is there.
func inNamespace(t *testing.T, path, namespace string) {
	t.Helper()
	dir := t.TempDir()
	checkout, err := filepath.Abs(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(dir, checkout)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte("namespace: "+namespace+"\nresources: ["+relative+"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	objects := kustomized(t, dir)
	if len(objects) < 12 {
		t.Errorf("%d objects for namespace %s", len(objects), namespace)
	}
	for _, object := range objects {
		metadata, _ := object["metadata"].(map[string]any)
		if metadata["namespace"] != namespace {
			t.Errorf("%s %s is in namespace %v, not %s", object["kind"], metadata["name"], metadata["namespace"], namespace)
		}
		for _, subject := range list(object["subjects"]) {
			if in, ok := subject["namespace"]; ok && in != namespace {
				t.Errorf("%s %s binds a ServiceAccount of namespace %v", object["kind"], metadata["name"], in)
			}
		}
	}
}

func list(value any) (items []map[string]any) {
	all, _ := value.([]any)
	for _, item := range all {
		if fields, ok := item.(map[string]any); ok {
			items = append(items, fields)
		}
	}
	return items
}
