// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	sigsyaml "sigs.k8s.io/yaml"
)

// crd is the schema of one kind, applied as an API server applies it.
type crd struct {
	definition apiextensionsv1.CustomResourceDefinition
	structural *structuralschema.Structural
	validator  *validate.SchemaValidator
}

func loadCRD(t testing.TB, file string) crd {
	t.Helper()
	var c crd
	if err := sigsyaml.UnmarshalStrict(read(t, file), &c.definition); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if n := len(c.definition.Spec.Versions); n != 1 {
		t.Fatalf("%s has %d versions, want 1", file, n)
	}
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		c.definition.Spec.Versions[0].Schema.OpenAPIV3Schema, &internal, nil); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	structural, err := structuralschema.NewStructural(&internal)
	if err != nil {
		t.Fatalf("%s is not structural: %v", file, err)
	}
	if errs := structuralschema.ValidateStructural(nil, structural); len(errs) > 0 {
		t.Fatalf("%s is not structural: %v", file, errs.ToAggregate())
	}
	c.structural = structural
	c.validator = validate.NewSchemaValidator(structural.ToKubeOpenAPI(), nil, "", strfmt.Default)
	return c
}

// check gives the reasons for which an API server refuses an object.
func (c crd) check(object map[string]any) error {
	errs := c.validator.Validate(object).Errors
	for _, err := range listtype.ValidateListSetsAndMaps(nil, c.structural, object) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// pruned gives what an API server would drop of an object.
func (c crd) pruned(object map[string]any) string {
	stored := runtime.DeepCopyJSON(object)
	pruning.Prune(stored, c.structural, true)
	return cmp.Diff(object, stored)
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// documents are the objects in a YAML file, as an API server decodes them.
func documents(t testing.TB, file string) []map[string]any {
	t.Helper()
	var objects []map[string]any
	reader := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(read(t, file))))
	buffer := make([]byte, 1<<20)
	for {
		n, err := reader.Read(buffer)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if object := decode(t, file, buffer[:n]); object != nil {
			objects = append(objects, object)
		}
	}
}

// decode reads YAML with int64 for whole numbers, as an API server does.
func decode(t testing.TB, file string, text []byte) map[string]any {
	t.Helper()
	encoded, err := sigsyaml.YAMLToJSONStrict(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var object map[string]any
	if err := yaml.Unmarshal(encoded, &object); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}

func glob(t testing.TB, pattern string, atLeast int) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < atLeast {
		t.Fatalf("%s finds %d files, want at least %d", pattern, len(files), atLeast)
	}
	return files
}
