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

// TestPredeployCommands shows that all commands are valid bash. The story predeploy/ways
// runs them in a cluster, except the one for Argo CD itself.
func TestPredeployCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/pre-deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := walkthrough.Blocks(string(text))
	if err != nil {
		t.Fatalf("pre-deploy.md: %v", err)
	}
	if len(blocks) < 12 {
		t.Fatalf("pre-deploy.md has %d blocks of commands, which cannot be all", len(blocks))
	}
	var notRun []string
	ways := []string{"argo-cd"}
	for _, block := range blocks {
		command := exec.CommandContext(t.Context(), "bash", "-n")
		command.Stdin = strings.NewReader(block.Text)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("pre-deploy.md:%d: %v: %s", block.Line, err, out)
		}
		if block.NotRun != "" {
			notRun = append(notRun, block.NotRun)
		}
		ways = append(ways, block.Ways...)
	}
	if diff := cmp.Diff([]string{"argocd"}, notRun); diff != "" {
		t.Errorf("blocks that no test runs (-known +pre-deploy.md):\n%s", diff)
	}
	slices.Sort(ways)
	if diff := cmp.Diff(walkthrough.PredeployWays, slices.Compact(ways)); diff != "" {
		t.Errorf("ways (-run +pre-deploy.md):\n%s", diff)
	}
}
