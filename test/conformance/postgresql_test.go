// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

const postgresqlCRD = "../../deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml"

func TestPostgresqlCRDNames(t *testing.T) {
	t.Parallel()
	spec := given.LoadCRD(t, postgresqlCRD).Definition.Spec
	if got, want := spec.Group, cpo.GroupVersionKind.Group; got != want {
		t.Errorf("group is %s, want %s", got, want)
	}
	if got, want := spec.Names.Kind, cpo.GroupVersionKind.Kind; got != want {
		t.Errorf("kind is %s, want %s", got, want)
	}
	if got, want := spec.Names.Plural, cpo.GroupVersionResource.Resource; got != want {
		t.Errorf("plural is %s, want %s", got, want)
	}
	if spec.Names.ListKind != "postgresqlList" || spec.Names.Singular != "postgresql" || spec.Scope != apiextensionsv1.NamespaceScoped ||
		!slices.Equal(spec.Names.ShortNames, []string{"pg"}) || !slices.Equal(spec.Names.Categories, []string{"all"}) {
		t.Errorf("names are not CPO's: %+v", spec.Names)
	}
	if version := spec.Versions[0]; version.Name != cpo.GroupVersionKind.Version || !version.Served || !version.Storage ||
		version.Subresources == nil || version.Subresources.Status == nil {
		t.Errorf("version is not CPO's: %s", version.Name)
	}
}

// TestPostgresqlCRDAccepts shows that the CRD accepts the samples of the
// documentation, and manifests as people write them for each of CPO's four schemas,
// and drops nothing of them.
func TestPostgresqlCRDAccepts(t *testing.T) {
	t.Parallel()
	crd := given.LoadCRD(t, postgresqlCRD)
	files := slices.Concat(
		given.Glob(t, "testdata/postgresql/accepted/*.yaml", 12),
		given.Glob(t, filepath.Join(goldens, "seed-*", "cr.yaml"), 3),
		given.Glob(t, filepath.Join(goldens, "*null*", "cr.yaml"), 3),
		given.Glob(t, filepath.Join(goldens, "unknown-fields", "cr.yaml"), 1),
		given.Glob(t, filepath.Join(goldens, "pvc-*s", "cr.yaml"), 5), // none of these has a field of the wrong type
		given.Glob(t, filepath.Join(goldens, "pvc-scheduling", "cr.yaml"), 1),
		given.Glob(t, filepath.Join(goldens, "azure-key-inline*", "cr.yaml"), 3),
		given.Glob(t, filepath.Join(goldens, "gcs*", "cr.yaml"), 8),
	)
	for _, file := range files {
		for _, object := range given.Documents(t, file) {
			if err := crd.Check(object); err != nil {
				t.Errorf("%s is refused: %v", file, err)
			}
			if lost := crd.Pruned(object); lost != "" {
				t.Errorf("%s loses fields (-written +stored):\n%s", file, lost)
			}
		}
	}
}

// TestPostgresqlCRDRejects shows that the CRD refuses each file for the reason in its
// first line.
func TestPostgresqlCRDRejects(t *testing.T) {
	t.Parallel()
	crd := given.LoadCRD(t, postgresqlCRD)
	for _, file := range given.Glob(t, "testdata/postgresql/rejected/*.yaml", 12) {
		first, _, _ := strings.Cut(string(given.Read(t, file)), "\n")
		want, ok := strings.CutPrefix(first, "# refused: ")
		if !ok {
			t.Errorf("%s does not begin with # refused:", file)
		}
		for _, object := range given.Documents(t, file) {
			if err := crd.Check(object); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, want one with %q", file, err, want)
			}
		}
	}
}

// TestPostgresqlCRDDescribesItself shows that every field under spec has a
// description, and that the CRD drops no unknown field.
func TestPostgresqlCRDDescribesItself(t *testing.T) {
	t.Parallel()
	root := given.LoadCRD(t, postgresqlCRD).Definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	fields := 0
	walkSchema(*root, "", func(path string, schema apiextensionsv1.JSONSchemaProps) {
		fields++
		isField := path != "" && !strings.HasSuffix(path, "[]") && !strings.HasSuffix(path, "{}") && path != "metadata"
		if isField && len(strings.Fields(schema.Description)) < 3 {
			t.Errorf("%s has no description", path)
		}
		keepsUnknown := schema.XPreserveUnknownFields != nil && *schema.XPreserveUnknownFields || schema.AdditionalProperties != nil
		if schema.Type == "object" && path != "metadata" && !keepsUnknown {
			t.Errorf("%s drops unknown fields", path)
		}
	})
	if fields < 50 {
		t.Errorf("saw %d fields, which cannot be all", fields)
	}
}

func walkSchema(schema apiextensionsv1.JSONSchemaProps, path string, visit func(string, apiextensionsv1.JSONSchemaProps)) {
	visit(path, schema)
	for _, key := range slices.Sorted(maps.Keys(schema.Properties)) {
		walkSchema(schema.Properties[key], strings.TrimPrefix(path+"."+key, "."), visit)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walkSchema(*schema.Items.Schema, path+"[]", visit)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		walkSchema(*schema.AdditionalProperties.Schema, path+"{}", visit)
	}
}

// TestPostgresqlCRDDescribesWhatWeRead takes the fields from the source of
// cpo.Decode, so that nobody can forget one here.
func TestPostgresqlCRDDescribesWhatWeRead(t *testing.T) {
	t.Parallel()
	described := map[string]string{}
	walkSchema(*given.LoadCRD(t, postgresqlCRD).Definition.Spec.Versions[0].Schema.OpenAPIV3Schema, "", func(path string, schema apiextensionsv1.JSONSchemaProps) {
		described[path] = schema.Type
	})
	decoded := decodedFields(t)
	for path, want := range decoded {
		if strings.HasPrefix(path, "metadata.") {
			continue
		}
		if got := described[path]; got != want {
			t.Errorf("%s is read as %s; the schema says %q", path, want, got)
		}
	}
	for _, path := range []string{
		"spec.backup.pgbackrest.global", "spec.backup.pgbackrest.repos[].storage", "spec.backup.pgbackrest.repos[].volume.size",
		"spec.backup.pgbackrest.resources.requests", "spec.tolerations", "spec.nodeAffinity",
	} {
		if decoded[path] == "" {
			t.Errorf("%s is not found in the source of Decode: found %v", path, decoded)
		}
	}
	for _, backupType := range cpo.BackupTypes {
		if path := "spec.backup.pgbackrest.repos[].schedule." + backupType; described[path] != "string" {
			t.Errorf("%s is not described", path)
		}
	}
}

// decodedFields returns the paths that Decode passes to its readers, with the type
// that each reader expects.
func decodedFields(t *testing.T) map[string]string {
	t.Helper()
	var declarations []ast.Decl
	for _, source := range given.Glob(t, "../../internal/cpo/decode*.go", 3) {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		declarations = append(declarations, file.Decls...)
	}
	// The meaning of the expressions for the path of the parent.
	parents := map[string]string{`""`: "", "Section": cpo.Section, "path": "spec.backup.pgbackrest.repos[]"}
	text := func(expression ast.Expr) (string, bool) {
		switch e := expression.(type) {
		case *ast.BasicLit:
			value, err := strconv.Unquote(e.Value)
			return value, err == nil
		case *ast.Ident:
			value, ok := parents[e.Name]
			return value, ok
		case *ast.BinaryExpr:
			name, isName := e.X.(*ast.Ident)
			suffix, isText := e.Y.(*ast.BasicLit)
			if !isName || !isText {
				return "", false
			}
			value, err := strconv.Unquote(suffix.Value)
			return parents[name.Name] + value, err == nil
		}
		return "", false
	}
	types := map[string]string{"object": "object", "texts": "object", "text": "string", "list": "array", "as": "object"}
	// Readers of one field: the key comes last, after the path of the parent.
	reader := func(call *ast.CallExpr) string {
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			return f.Sel.Name
		case *ast.IndexExpr: // as[T]
			name, _ := f.X.(*ast.Ident)
			return name.Name
		}
		return ""
	}
	fields := map[string]string{}
	for _, declaration := range declarations {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || types[function.Name.Name] != "" {
			continue
		}
		ast.Inspect(function, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) < 3 || types[reader(call)] == "" {
				return true
			}
			parent, okParent := text(call.Args[len(call.Args)-2])
			key, okKey := text(call.Args[len(call.Args)-1])
			if !okParent || !okKey {
				t.Errorf("cannot read the path of a field in %s: %s", function.Name.Name, fmt.Sprint(call.Args))
				return true
			}
			fields[strings.TrimPrefix(parent+"."+key, ".")] = types[reader(call)]
			return true
		})
	}
	delete(fields, "metadata")
	return fields
}
