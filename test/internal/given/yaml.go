// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package given

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// Read reads a file.
func Read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // a test names the file
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Documents returns the objects in a YAML file, as an API server decodes them.
func Documents(t testing.TB, file string) []map[string]any {
	t.Helper()
	var objects []map[string]any
	reader := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(Read(t, file))))
	buffer := make([]byte, 1<<20)
	for {
		n, err := reader.Read(buffer)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if object := Decode(t, file, buffer[:n]); object != nil {
			objects = append(objects, object)
		}
	}
}

// Decode reads YAML with int64 for whole numbers, as an API server does.
func Decode(t testing.TB, file string, text []byte) map[string]any {
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

// Typed converts an object into one of Argo's types. An unknown field is an error, as
// for argo lint.
func Typed[T any](t testing.TB, name string, object map[string]any) *T {
	t.Helper()
	typed := new(T)
	if err := sigsyaml.UnmarshalStrict(JSON(t, object), typed); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return typed
}

// Glob finds files, and fails if there are fewer than expected.
func Glob(t testing.TB, pattern string, atLeast int) []string {
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

// JSON writes a value as JSON.
func JSON(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
