// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package given

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"
)

// Template is a WorkflowTemplate of workflows/, with a component or without.
type Template struct {
	File      string
	Component string // the file of the component; empty if there is none
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
	var plain []Template
	patches := map[string][]patch{}
	err := filepath.WalkDir(filepath.Join(root, "workflows"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		for _, object := range Documents(t, path) {
			switch object["kind"] {
			case "WorkflowTemplate":
				plain = append(plain, Template{File: path, Object: object})
			case "Component":
				patches[path] = componentPatches(t, path, object)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(plain) == 0 || len(patches) == 0 {
		t.Fatalf("workflows/ has %d WorkflowTemplates and %d components", len(plain), len(patches))
	}
	all := slices.Clone(plain)
	for _, template := range plain {
		for component, operations := range patches {
			all = append(all, patched(t, template, component, operations))
		}
	}
	return all
}

func patched(t testing.TB, template Template, component string, operations []patch) Template {
	t.Helper()
	template.Component, template.Object = component, Decode(t, template.File, JSON(t, template.Object))
	for _, operation := range operations {
		if err := operation.add(template.Object); err != nil {
			t.Fatalf("%s: %v", template.Name(), err)
		}
	}
	return template
}

// patch is a JSON patch. Components only add to an object.
type patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func componentPatches(t testing.TB, file string, component map[string]any) []patch {
	t.Helper()
	var all []patch
	list, _ := component["patches"].([]any)
	for _, item := range list {
		text, _ := item.(map[string]any)["patch"].(string)
		var operations []patch
		if err := sigsyaml.UnmarshalStrict([]byte(text), &operations); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, operations...)
	}
	return all
}

func (p patch) add(object map[string]any) error {
	if p.Op != "add" {
		return fmt.Errorf("unknown operation %s", p.Op)
	}
	steps := strings.Split(strings.TrimPrefix(p.Path, "/"), "/")
	var node any = object
	for _, step := range steps[:len(steps)-1] {
		switch at := node.(type) {
		case map[string]any:
			node = at[step]
		case []any:
			var index int
			if _, err := fmt.Sscan(step, &index); err != nil || index >= len(at) {
				return fmt.Errorf("%s leads nowhere", p.Path)
			}
			node = at[index]
		}
	}
	parent, ok := node.(map[string]any)
	if !ok {
		return fmt.Errorf("%s leads nowhere", p.Path)
	}
	parent[steps[len(steps)-1]] = p.Value
	return nil
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
