// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
)

func TestBatches(t *testing.T) {
	t.Parallel()
	upstream, other := &Upstream{Path: "p"}, &Upstream{Path: "p"}
	program := func(name, dir, flags string, u *Upstream) Program {
		return Program{Component: Component{Name: name, Package: "./cmd/" + name, Upstream: u}, dir: dir, ldflags: flags}
	}
	var got []string
	for _, b := range batchesOf([]Program{
		program("a", "/x", "-s", nil),
		program("b", "/x", "-s", upstream),
		program("c", "/x", "-s", upstream),
		program("d", "/x", "-s", other),
		program("e", "/x", "-w", other),
		program("f", "/y", "-w", other),
		program("g", "/x", "-s", nil),
	}, "") {
		got = append(got, b.names())
	}
	if diff := cmp.Diff([]string{"a", "b, c", "d", "e", "f", "g"}, got); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

// go build must give every program of the table the expected name, and no two of a
// batch the same.
func TestTableOutputs(t *testing.T) {
	t.Parallel()
	var programs []Program
	for _, c := range table {
		programs = append(programs, planned(t, c, filepath.Join("..", "..")))
	}
	for _, b := range batchesOf(programs, "") {
		seen := map[string]bool{}
		for _, p := range b.programs {
			if name := p.output(); name == "." || name == "" || seen[name] {
				t.Errorf("%s comes out as %q", p.Name, name)
			} else {
				seen[name] = true
			}
		}
	}
}

// The test compiles two programs of one module and one of another.
func TestEnsure(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	const hello = "package main\n\nfunc main() { println(`%`) }\n"
	write(t, source, "go.mod", "module example.test/own\n\ngo 1.26\n")
	write(t, source, "components/first/main.go", strings.ReplaceAll(hello, "%", "first"))
	write(t, source, "components/second/main.go", strings.ReplaceAll(hello, "%", "second"))
	write(t, source, "components/alone/go.mod", "module example.test/alone\n\ngo 1.26\n\nrequire example.test/upstream v1.2.3\n")
	write(t, source, "components/alone/main.go", strings.ReplaceAll(hello, "%", "alone"))
	dirs := layout.Dirs{Cache: t.TempDir()}
	var lines strings.Builder
	b := &Builder{dirs: dirs, out: progress.New(&lines)}
	for _, c := range []Component{
		{Name: "first", Package: "./components/first", Links: []string{"one"}},
		{Name: "second", Package: "./components/second"},
		{Name: "alone", Module: "alone", Requires: "example.test/upstream"},
		{Name: "unused", Package: "./components/first"},
	} {
		p, err := plan(c, source, dirs, "go")
		if err != nil {
			t.Fatal(err)
		}
		b.programs = append(b.programs, p)
	}
	names := []string{"first", "second", "alone"}
	if err := b.Ensure(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(lines.String(), "building first, second v0: done") {
		t.Errorf("first and second are not built together:\n%s", lines.String())
	}
	for i, name := range names {
		out, err := exec.CommandContext(t.Context(), b.programs[i].Path).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != name {
			t.Errorf("%s says %q, %v", name, out, err)
		}
	}
	if target, err := os.Readlink(filepath.Join(dirs.Bin(), "one")); err != nil || target != filepath.Base(b.programs[0].Path) {
		t.Errorf("link leads to %q, %v", target, err)
	}
	entries, err := os.ReadDir(dirs.Bin())
	if err != nil || len(entries) != 4 {
		t.Errorf("%d entries, %v, want three programs and a link: %v", len(entries), err, entries)
	}

	lines.Reset()
	if err := b.Ensure(t.Context(), names...); err != nil || lines.Len() > 0 {
		t.Errorf("the second time: %v, and it says:\n%s", err, lines.String())
	}
}
