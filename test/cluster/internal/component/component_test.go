// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
)

// write makes a file below dir.
func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

var sample = Component{
	Name: "program", Module: "program", Requires: "example.test/upstream",
	Stamp: func(v string) []string { return []string{"-X=main.version=" + v} },
}

func planned(t *testing.T, c Component, source string) Program {
	t.Helper()
	p, err := plan(c, source, layout.Dirs{Cache: "/cache"}, "go1.26.0")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sources(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "components/program/go.mod", "module example.test/program\n\nrequire example.test/upstream v1.2.3\n")
	write(t, dir, "components/program/main.go", "package main\n")
	write(t, dir, "components/program/inner/inner.go", "package inner\n")
	return dir
}

func TestKeyFollowsTheInputsOnly(t *testing.T) {
	t.Parallel()
	base := planned(t, sample, sources(t))

	if base.Version != "v1.2.3" {
		t.Errorf("version = %q", base.Version)
	}
	if want := "/cache/bin/program-1.2.3-" + base.Key; base.Path != want {
		t.Errorf("path = %q, want %q", base.Path, want)
	}
	if other := planned(t, sample, sources(t)); other.Key != base.Key {
		t.Error("the same sources in another directory have another key")
	}

	for name, change := range map[string]func(dir string){
		"AFileThatIsNotCompiled": func(dir string) { write(t, dir, "components/program/README.md", "x") },
		"ATest":                  func(dir string) { write(t, dir, "components/program/main_test.go", "package main\n") },
		"AnotherComponent":       func(dir string) { write(t, dir, "components/other/main.go", "package main\n") },
	} {
		dir := sources(t)
		change(dir)
		if planned(t, sample, dir).Key != base.Key {
			t.Errorf("%s changes the key", name)
		}
	}
	for name, change := range map[string]func(dir string){
		"Source":      func(dir string) { write(t, dir, "components/program/main.go", "package main // x\n") },
		"InnerSource": func(dir string) { write(t, dir, "components/program/inner/inner.go", "package inner // x\n") },
		"NewFile":     func(dir string) { write(t, dir, "components/program/a.go", "") },
		"Sum":         func(dir string) { write(t, dir, "components/program/go.sum", "x") },
	} {
		dir := sources(t)
		change(dir)
		if planned(t, sample, dir).Key == base.Key {
			t.Errorf("%s does not change the key", name)
		}
	}
}

func TestKeyFollowsFlagsAndToolchain(t *testing.T) {
	t.Parallel()
	dir := sources(t)
	base := planned(t, sample, dir)

	stamped := sample
	stamped.Stamp = func(string) []string { return []string{"-X=main.version=other"} }
	if planned(t, stamped, dir).Key == base.Key {
		t.Error("linker flags do not change the key")
	}
	newer, err := plan(sample, dir, layout.Dirs{Cache: "/cache"}, "go1.27.0")
	if err != nil {
		t.Fatal(err)
	}
	if newer.Key == base.Key {
		t.Error("the Go version does not change the key")
	}
}

func TestUpstreamKeyFollowsPatches(t *testing.T) {
	t.Parallel()
	base := Upstream{Path: "p", Version: "v1", Sum: "s", Patches: []Patch{{Path: "a", Content: "b"}}}
	for name, other := range map[string]Upstream{
		"Version": {Path: "p", Version: "v2", Sum: "s", Patches: base.Patches},
		"Sum":     {Path: "p", Version: "v1", Sum: "t", Patches: base.Patches},
		"Patch":   {Path: "p", Version: "v1", Sum: "s", Patches: []Patch{{Path: "a", Content: "c"}}},
		"Moved":   {Path: "p", Version: "v1", Sum: "s", Patches: []Patch{{Path: "ab"}}},
	} {
		if other.key() == base.key() {
			t.Errorf("%s does not change the key", name)
		}
	}
}

func TestPlanNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	c := sample
	c.Requires = "example.test/absent"
	_, err := plan(c, sources(t), layout.Dirs{}, "go1.26.0")
	if err == nil || !strings.Contains(err.Error(), "example.test/absent") {
		t.Errorf("err = %v, want one that names the module", err)
	}
}

// This checkout must contain what every row of the table needs.
func TestTable(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range table {
		p := planned(t, c, filepath.Join("..", ".."))
		if names[p.Name] {
			t.Errorf("%s twice", p.Name)
		}
		names[p.Name] = true
	}
}

func TestPointLink(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "kubectl")
	for _, target := range []string{"kubernetes-1", "kubernetes-2", "kubernetes-2"} {
		if err := pointLink(link, target); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(link); err != nil || got != target {
			t.Errorf("link leads to %q, %v, want %q", got, err, target)
		}
	}
}
