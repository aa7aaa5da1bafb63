// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

// onlyInTests are packages that the tests need in the image and nobody else does.
var onlyInTests = []string{"curl", "jq", "libfaketime"}

// TestDockerfileIsTheImageOfTheTests: the Dockerfile that we give to people is
// never built here, as that needs a registry. So it must say what the image says
// with which all backups and restores are tested.
func TestDockerfileIsTheImageOfTheTests(t *testing.T) {
	tested := postgres(set.Demo, "trixie", "17", "2.55")
	text := dockerfile(t)
	want := slices.DeleteFunc(slices.Clone(tested.Debian.Packages), func(name string) bool {
		return slices.Contains(onlyInTests, name)
	})
	_, list, _ := strings.Cut(text, "--no-install-recommends ")
	list, _, _ = strings.Cut(list, ";")
	if diff := cmp.Diff(want, strings.Fields(list)); diff != "" {
		t.Errorf("packages (-image of the tests +Dockerfile):\n%s", diff)
	}
	lines := []string{"FROM docker.io/library/debian:" + tested.Debian.Suite, "USER " + tested.User, "WORKDIR " + tested.WorkDir}
	lines = append(lines, tested.Env...)
	for _, hook := range slices.Concat(tested.Debian.Before, tested.Debian.After) {
		// It is only smaller for it.
		if !strings.Contains(hook, "llvm") {
			lines = append(lines, strings.ReplaceAll(hook, "$1", ""))
		}
	}
	for _, line := range lines {
		if !strings.Contains(text, plain(line)) {
			t.Errorf("the Dockerfile does not have, as the image of the tests: %s", line)
		}
	}
}

// dockerfile is the text without its comments, its lines joined, and plain.
func dockerfile(t *testing.T) string {
	t.Helper()
	// A link to that of examples/postgres: go test does not see a change of a file
	// outside of the module, and would show the result of before.
	text, err := os.ReadFile("testdata/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(strings.TrimSpace(line), "\\"))
		}
	}
	return plain(strings.Join(lines, " "))
}

// plain is a shell line without quotes, with one space where there are several.
func plain(line string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(line, `"`, "")), " ")
}
