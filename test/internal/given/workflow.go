// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package given

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	sigsyaml "sigs.k8s.io/yaml"
)

// Template is a WorkflowTemplate of workflows/, with a component or without.
type Template struct {
	File      string
	Component string // the names of the components; empty if there is none
	Object    map[string]any
}

// Name returns the file and the component.
func (t Template) Name() string {
	if t.Component == "" {
		return t.File
	}
	return t.File + " with " + t.Component
}

// Templates returns the WorkflowTemplates in workflows/ of the checkout at root,
// unchanged and with each component.
func Templates(t testing.TB, root string) []Template {
	t.Helper()
	plain := plainTemplates(t, root)
	all := slices.Clone(plain)
	for _, template := range plain {
		for _, component := range Components(t, root, template.ObjectName()) {
			all = append(all, template.With(t, component))
		}
	}
	return all
}

func plainTemplates(t testing.TB, root string) []Template {
	t.Helper()
	var plain []Template
	for _, file := range Glob(t, filepath.Join(root, "workflows", "*.yaml"), 2) {
		for _, object := range Documents(t, file) {
			if object["kind"] == "WorkflowTemplate" {
				plain = append(plain, Template{File: file, Object: object})
			}
		}
	}
	if len(plain) == 0 {
		t.Fatal("workflows/ has no WorkflowTemplate")
	}
	return plain
}

// ObjectName returns the name of the WorkflowTemplate.
func (t Template) ObjectName() string {
	metadata, _ := t.Object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}

// Components returns the files of the components in workflows/components that change the
// WorkflowTemplate of a name.
func Components(t testing.TB, root, name string) []string {
	t.Helper()
	var files []string
	for _, file := range Glob(t, filepath.Join(root, "workflows", "components", "*", "kustomization.yaml"), 4) {
		if len(componentPatches(t, file, name)) > 0 {
			files = append(files, file)
		}
	}
	return files
}

// With returns the template with components, applied in their order.
func (t Template) With(tb testing.TB, components ...string) Template {
	tb.Helper()
	text := JSON(tb, t.Object)
	var names []string
	for _, component := range components {
		names = append(names, filepath.Base(filepath.Dir(component)))
		for _, operations := range componentPatches(tb, component, t.ObjectName()) {
			var err error
			if text, err = operations.Apply(text); err != nil {
				tb.Fatalf("%s: %v", component, err)
			}
		}
	}
	t.Component, t.Object = strings.Join(names, ", "), Decode(tb, t.File, text)
	return t
}

// componentPatches are the JSON patches of a component for the WorkflowTemplate of a name.
func componentPatches(t testing.TB, file, name string) []jsonpatch.Patch {
	t.Helper()
	var all []jsonpatch.Patch
	for _, component := range Documents(t, file) {
		list, _ := component["patches"].([]any)
		for _, item := range list {
			target, _ := item.(map[string]any)["target"].(map[string]any)
			if target["name"] != name {
				continue
			}
			text, _ := item.(map[string]any)["patch"].(string)
			operations, err := sigsyaml.YAMLToJSONStrict([]byte(text))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			patch, err := jsonpatch.DecodePatch(operations)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all = append(all, patch)
		}
	}
	return all
}

// CronWorkflows returns the CronWorkflows of every golden of internal/translate, by
// the name of the case.
func CronWorkflows(t testing.TB, root string) map[string]map[string]any {
	t.Helper()
	objects := map[string]map[string]any{}
	for _, file := range Glob(t, filepath.Join(root, "internal/translate/testdata", "*", "want.yaml"), 30) {
		for _, object := range Documents(t, file) {
			list, _ := object["cronWorkflows"].([]any)
			for i, item := range list {
				objects[fmt.Sprintf("%s[%d]", filepath.Base(filepath.Dir(file)), i)] = item.(map[string]any)
			}
		}
	}
	if len(objects) < 50 {
		t.Fatalf("the goldens have %d CronWorkflows, which cannot be all", len(objects))
	}
	return objects
}
