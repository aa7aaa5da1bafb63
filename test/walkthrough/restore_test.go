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

// TestRestoreCommands shows that all commands are valid bash. The story documented-restore
// runs them in a cluster, for each of two ways, except what removes the old directory, and
// an option of a command.
func TestRestoreCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/restore.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := walkthrough.Blocks(string(text))
	if err != nil {
		t.Fatalf("restore.md: %v", err)
	}
	if len(blocks) < 10 {
		t.Fatalf("restore.md has %d blocks of commands, which cannot be all", len(blocks))
	}
	var notRun, ways []string
	for _, block := range blocks {
		command := exec.CommandContext(t.Context(), "bash", "-n")
		command.Stdin = strings.NewReader(block.Text)
		if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("restore.md:%d: %v: %s", block.Line, err, out)
		}
		if block.NotRun != "" {
			notRun = append(notRun, block.NotRun)
		}
		ways = append(ways, block.Ways...)
	}
	if diff := cmp.Diff([]string{"when you need it no longer", "an option"}, notRun); diff != "" {
		t.Errorf("blocks that no test runs (-known +restore.md):\n%s", diff)
	}
	slices.Sort(ways)
	if diff := cmp.Diff(walkthrough.RestoreWays, slices.Compact(ways)); diff != "" {
		t.Errorf("ways (-run +restore.md):\n%s", diff)
	}
}
