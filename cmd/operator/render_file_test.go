// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// brokenDirectory is a file system with a directory that cannot be read.
type brokenDirectory struct {
	fstest.MapFS
	name string
}

func (b brokenDirectory) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == b.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.MapFS.ReadDir(name)
}

func TestFilesInContinuesAfterADirectoryThatCannotBeRead(t *testing.T) {
	t.Parallel()
	directory := brokenDirectory{MapFS: fstest.MapFS{"a/x.yaml": {}, "b/x.yaml": {}, "c/x.yaml": {}}, name: "b"}
	in := input{}
	files := in.filesIn(directory, "clusters", true)
	if diff := cmp.Diff([]string{"clusters/a/x.yaml", "clusters/c/x.yaml"}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"clusters/b: permission denied"}, in.errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

// failing is a terminal that is gone.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// TestRenderWithoutOutput shows that output that is lost does not look like Problems.
func TestRenderWithoutOutput(t *testing.T) {
	t.Parallel()
	for _, format := range []string{outputYAML, outputSummary} {
		in := readInput(renderOptions{files: []string{"testdata/render/no-namespace/in.yaml"}}, nil)
		var problems strings.Builder
		if err := render(in, format, now, failing{}, &problems); !errors.Is(err, exitError(exitUnreadable)) {
			t.Errorf("-o %s ends with %v", format, err)
		}
		if got := problems.String(); !strings.Contains(got, "standard output: broken pipe") {
			t.Errorf("-o %s says %q", format, got)
		}
		if err := render(in, format, now, io.Discard, io.Discard); err != nil {
			t.Errorf("-o %s with an output ends with %v", format, err)
		}
	}
}

// TestRenderDocumentsItsExitCodes compares the help with docs/render.md.
func TestRenderDocumentsItsExitCodes(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/render.md")
	if err != nil {
		t.Fatal(err)
	}
	_, codes, _ := strings.Cut(renderHelp, "Exit codes:\n")
	lines := strings.Split(codes, "\n")
	if len(lines) != 3 {
		t.Fatalf("the help has %d exit codes", len(lines))
	}
	for _, line := range lines {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if row := fmt.Sprintf("| %s | %s |", code, meaning); !strings.Contains(string(b), row) {
			t.Errorf("docs/render.md has no row %s", row)
		}
	}
}
