// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package walkthrough_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// TestInstallCommands shows that all commands are valid bash. The story
// documented-install runs them in a cluster, for each of three ways, except those
// that no test can run: there is neither skopeo nor docker, and no container registry
// with a base image.
func TestInstallCommands(t *testing.T) {
	text, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := walkthrough.Blocks(string(text))
	if err != nil {
		t.Fatalf("install.md: %v", err)
	}
	if len(blocks) < 15 {
		t.Fatalf("install.md has %d blocks of commands, which cannot be all", len(blocks))
	}
	var notRun, ways []string
	for _, block := range blocks {
		command := exec.CommandContext(t.Context(), "bash", "-n")
		command.Stdin = strings.NewReader(block.Text)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("install.md:%d: %v: %s", block.Line, err, out)
		}
		if block.NotRun != "" {
			notRun = append(notRun, block.NotRun)
		}
		ways = append(ways, block.Ways...)
	}
	if diff := cmp.Diff([]string{"your Argo", "skopeo", "docker"}, notRun); diff != "" {
		t.Errorf("blocks that no test runs (-known +install.md):\n%s", diff)
	}
	slices.Sort(ways)
	if diff := cmp.Diff(walkthrough.InstallWays, slices.Compact(ways)); diff != "" {
		t.Errorf("ways (-run +install.md):\n%s", diff)
	}
}
