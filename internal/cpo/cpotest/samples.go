// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpotest

import (
	"embed"
	"io/fs"
	"testing"

	"sigs.k8s.io/yaml"
)

//go:embed samples
var samples embed.FS

// Samples has a folder for each case, and in it a file for each object.
func Samples() fs.FS {
	sub, err := fs.Sub(samples, "samples")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Decode reads the object in a file, such as s3/postgresql-cluster.yaml.
func Decode(t testing.TB, file string, into any) {
	t.Helper()
	data, err := fs.ReadFile(Samples(), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
