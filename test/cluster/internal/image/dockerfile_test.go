// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

// onlyInTests are packages in the image that only the tests need.
var onlyInTests = []string{"curl", "jq", "libfaketime", "postgresql-17-cron"}

// TestDockerfileIsTheImageOfTheTests compares the Dockerfile for users with the image
// that all tests of backups and restores use. Building the Dockerfile would need a
// registry.
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
		// That only makes the image smaller.
		if !strings.Contains(hook, "llvm") {
			lines = append(lines, strings.ReplaceAll(hook, "$1", ""))
		}
	}
	for _, line := range lines {
		if !strings.Contains(text, plain(line)) {
			t.Errorf("the image of the tests has this line, the Dockerfile does not: %s", line)
		}
	}
}

// dockerfile returns the text without comments, with joined lines, and plain.
func dockerfile(t *testing.T) string {
	t.Helper()
	// This is a link to the Dockerfile of examples/postgres. go test does not notice a
	// change of a file outside the module, and would show the cached result.
	text := readFile(t, "testdata/Dockerfile")
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(strings.TrimSpace(line), "\\"))
		}
	}
	return plain(strings.Join(lines, " "))
}

// plain returns a shell line without quotes and with single spaces.
func plain(line string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(line, `"`, "")), " ")
}
