// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package walkthrough_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// TestCPOCommands shows that all commands are valid bash.
func TestCPOCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cpo.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := walkthrough.Blocks(string(text))
	if err != nil {
		t.Fatalf("cpo.md: %v", err)
	}
	if len(blocks) < 10 {
		t.Fatalf("cpo.md has %d blocks of commands, which cannot be all", len(blocks))
	}
	for _, block := range blocks {
		command := exec.CommandContext(t.Context(), "bash", "-n")
		command.Stdin = strings.NewReader(block.Text)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("cpo.md:%d: %v: %s", block.Line, err, out)
		}
	}
}
