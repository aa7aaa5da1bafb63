// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package given

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	sigsyaml "sigs.k8s.io/yaml"
)

// CRD is the schema of one kind, applied as an API server applies it.
type CRD struct {
	Definition apiextensionsv1.CustomResourceDefinition
	structural *structuralschema.Structural
	validator  *validate.SchemaValidator
}

// LoadCRD reads a CRD with one version.
func LoadCRD(t testing.TB, file string) CRD {
	t.Helper()
	var c CRD
	if err := sigsyaml.UnmarshalStrict(Read(t, file), &c.Definition); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if n := len(c.Definition.Spec.Versions); n != 1 {
		t.Fatalf("%s has %d versions, want 1", file, n)
	}
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		c.Definition.Spec.Versions[0].Schema.OpenAPIV3Schema, &internal, nil); err != nil {
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

// ArgoCRDs returns both variants of a CRD, minimal and full, from a module of Argo that
// we build with.
func ArgoCRDs(t testing.TB, module, plural string) map[string]CRD {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output() //nolint:gosec // tests name the module
	if err != nil {
		t.Fatalf("cannot find Argo's module: %v", err)
	}
	crds := map[string]CRD{}
	for _, variant := range []string{"minimal", "full"} {
		crds[variant] = LoadCRD(t, filepath.Join(strings.TrimSpace(string(output)), "manifests/base/crds", variant, "argoproj.io_"+plural+".yaml"))
	}
	return crds
}

// Check returns the reasons why an API server refuses an object.
func (c CRD) Check(object map[string]any) error {
	errs := c.validator.Validate(object).Errors
	for _, err := range listtype.ValidateListSetsAndMaps(nil, c.structural, object) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Pruned returns what an API server would drop from an object, as a diff.
func (c CRD) Pruned(object map[string]any) string {
	stored := runtime.DeepCopyJSON(object)
	pruning.Prune(stored, c.structural, true)
	return cmp.Diff(object, stored)
}
