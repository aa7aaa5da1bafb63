// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package goldentest compares what a test got with a golden file, and gives the test
// the flag -update, which rewrites the file.
package goldentest

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Updating reports whether the test rewrites its golden files.
func Updating() bool { return *update }

// Check compares a text with a golden file and returns the content of the file, which
// is empty if there is no such file.
func Check(t testing.TB, file, got string) string {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // Golden files are in the repository.
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file) //nolint:gosec // The test names the file.
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), rewrite with -update if it is right:\n%s", file, diff)
	}
	return string(want)
}
