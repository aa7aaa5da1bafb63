// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestWrongValuesAreRefused shows that the error names the wrong value.
func TestWrongValuesAreRefused(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		"imagePullSecret: []":                      "imagePullSecret",
		"operatorConfiguration: main":              "/operatorConfiguration",
		"mode: beside":                             "/mode",
		"image: {name: operator}":                  "name",
		"watchInterval: 5":                         "/watchInterval",
		"watchInterval: 5 minutes":                 "/watchInterval",
		"startOverdue: later":                      "/startOverdue",
		"window: 90":                               "/window",
		"window: 90s":                              "/window",
		"monitoring: {enabled: true}":              "/monitoring",
		"image: ghcr.io/stanzaflow/operator":       "/image",
		"image: {tag: 'v1:2'}":                     "/image/tag",
		"image: {digest: 0a0a}":                    "/image/digest",
		"image: {pullPolicy: Sometimes}":           "/image/pullPolicy",
		"imagePullSecrets: [registry]":             "/imagePullSecrets/0",
		"namespaces: cpo":                          "/namespaces",
		"namespaces: ['a,b']":                      "/namespaces/0",
		"namespaces: [a, a]":                       "/namespaces",
		"workflows: {namespace: a}":                "namespace",
		"crds: {stanza: false}":                    "stanza",
		"crds: {postgresql: 'false'}":              "/crds/postgresql",
		"resources: {limit: {memory: 1Gi}}":        "limit",
		"resources: {limits: {memory: [1]}}":       "/resources/limits/memory",
		"nodeSelector: {disk: 1}":                  "/nodeSelector/disk",
		"tolerations: [{keys: a}]":                 "keys",
		"affinity: {podAffinities: {}}":            "podAffinities",
		"affinity: {nodeAffinity: {required: {}}}": "required",
		"priorityClassName: 1":                     "/priorityClassName",
		"labels: {a: true}":                        "/labels/a",
		"annotations: [a]":                         "/annotations",
	} {
		_, err := tryRender(t, "stanzaflow", "stanzaflow-system", values)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error about %s", values, err, want)
		}
	}
}

// TestSchemaIsClosed shows that no object of the schema accepts unknown keys.
func TestSchemaIsClosed(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(root, "deploy/chart/values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	walk(parse(t, string(b)), nil, func(o object, path []string) {
		if o["type"] != "object" {
			return
		}
		found++
		_, described := o["additionalProperties"].(object)
		if name := strings.Join(path, "/"); !described && o["additionalProperties"] != false && name != "properties/global" {
			t.Errorf("the schema accepts everything below %q", name)
		}
	})
	if found < 15 {
		t.Fatalf("found %d objects, which cannot be all", found)
	}
}

// TestSchemaHasTheValues shows that values.yaml and the schema have the same values.
func TestSchemaHasTheValues(t *testing.T) {
	t.Parallel()
	files := map[string]object{}
	for _, name := range []string{"values.yaml", "values.schema.json"} {
		b, err := os.ReadFile(filepath.Join(root, "deploy/chart", name))
		if err != nil {
			t.Fatal(err)
		}
		var o object
		if err := yaml.UnmarshalStrict(b, &o); err != nil {
			t.Fatal(err)
		}
		files[name] = o
	}
	schema := get(files["values.schema.json"], "properties").(object)
	for name := range schema {
		if _, ok := files["values.yaml"][name]; !ok && name != "global" {
			t.Errorf("values.yaml does not explain %s", name)
		}
	}
	for name := range files["values.yaml"] {
		if _, ok := schema[name]; !ok {
			t.Errorf("the schema does not know %s", name)
		}
	}
}

func walk(o object, path []string, visit func(o object, path []string)) {
	visit(o, path)
	for key, value := range o {
		switch value := value.(type) {
		case object:
			walk(value, append(slices.Clone(path), key), visit)
		case []any:
			for _, element := range value {
				if in, ok := element.(object); ok {
					walk(in, append(slices.Clone(path), key), visit)
				}
			}
		}
	}
}
