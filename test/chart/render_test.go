// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// object is an object of the cluster, decoded from JSON.
type object = map[string]any

func load(t *testing.T) *chart.Chart {
	t.Helper()
	// Helm logs every link that it follows.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	c, err := loader.Load(filepath.Join(root, "deploy/chart"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func appVersion(t *testing.T) string {
	t.Helper()
	return load(t).Metadata.AppVersion
}

func render(t *testing.T, values string) map[string]object {
	t.Helper()
	return renderAs(t, "stanzaflow", "stanzaflow-system", values)
}

func renderAs(t *testing.T, release, namespace, values string) map[string]object {
	t.Helper()
	files, err := tryRender(t, release, namespace, values)
	if err != nil {
		t.Fatalf("%s: %v", values, err)
	}
	found := map[string]object{}
	for name, text := range files {
		if filepath.Ext(name) == ".yaml" {
			collect(t, found, []byte(text))
		}
	}
	return found
}

// tryRender does what helm template does, including the check of the values' schema.
func tryRender(t *testing.T, release, namespace, values string) (map[string]string, error) {
	t.Helper()
	c := load(t)
	options := common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(c, parse(t, values), options, nil)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(c, all)
}

func parse(t *testing.T, text string) object {
	t.Helper()
	var o object
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func kustomization(t *testing.T, folder string) map[string]object {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]object{}
	collect(t, found, text)
	if len(found) == 0 {
		t.Fatalf("%s has no objects", folder)
	}
	return found
}

func collect(t *testing.T, found map[string]object, text []byte) {
	t.Helper()
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if len(o) == 0 {
			continue
		}
		// These kinds have no namespace. Kustomize does not know that and sets one,
		// which an API server ignores.
		if kind, _ := o["kind"].(string); strings.HasPrefix(kind, "ValidatingAdmissionPolicy") {
			delete(o["metadata"].(object), "namespace")
		}
		id := identify(o)
		if _, twice := found[id]; twice {
			t.Errorf("%s appears twice", id)
		}
		found[id] = o
	}
}

func identify(o object) string {
	namespace, _ := get(o, "metadata", "namespace").(string)
	return fmt.Sprintf("%v %s/%v", o["kind"], namespace, get(o, "metadata", "name"))
}

// sameText ignores an empty line: kustomize puts one into a folded expression with
// an indented line.
var sameText = cmp.Comparer(func(a, b string) bool {
	return strings.ReplaceAll(a, "\n\n", "\n") == strings.ReplaceAll(b, "\n\n", "\n")
})

func sameObjects(t *testing.T, want, got map[string]object) {
	t.Helper()
	for id, o := range want {
		if diff := cmp.Diff(o, got[id], sameText); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("the chart also has %s", id)
		}
	}
}

// withoutKeep removes the one annotation that only the chart has.
func withoutKeep(t *testing.T, objects map[string]object) map[string]object {
	t.Helper()
	for _, o := range objects {
		if annotations, ok := get(o, "metadata", "annotations").(object); ok {
			delete(annotations, "helm.sh/resource-policy")
			if len(annotations) == 0 {
				delete(o["metadata"].(object), "annotations")
			}
		}
	}
	return objects
}

// containers returns the containers of the operator or of the steps.
func containers(o object) []object {
	found := list(o, "spec", "template", "spec", "containers")
	for _, template := range list(o, "spec", "templates") {
		found = append(found, list(template, "containerSet", "containers")...)
		if container, ok := get(template, "container").(object); ok {
			found = append(found, container)
		}
	}
	return found
}

func labels(o object) object {
	found, _ := get(o, "metadata", "labels").(object)
	return found
}

// get follows keys. It returns nil if there is nothing.
func get(o object, path ...string) any {
	var value any = o
	for _, key := range path {
		in, ok := value.(object)
		if !ok {
			return nil
		}
		value = in[key]
	}
	return value
}

func list(o object, path ...string) []object {
	var found []object
	elements, _ := get(o, path...).([]any)
	for _, element := range elements {
		found = append(found, element.(object))
	}
	return found
}

func set(o object, value any, path ...string) {
	for _, key := range path[:len(path)-1] {
		o = o[key].(object)
	}
	o[path[len(path)-1]] = value
}

func clone(o object) object {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // The object came from JSON.
	}
	var copied object
	if err := json.Unmarshal(b, &copied); err != nil {
		panic(err)
	}
	return copied
}
