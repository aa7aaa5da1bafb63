// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"os"
	"strings"
	"testing"
)

// TestFunctionsAreDocumented checks that docs/gate.md lists the functions, as the
// message about a refused gate says.
func TestFunctionsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range language.Functions {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/gate.md does not list %s", name)
		}
	}
}

// TestExamplesPassTheFirstRun checks that a gate that somebody copies from
// docs/gate.md lets a first backup be made.
func TestExamplesPassTheFirstRun(t *testing.T) {
	text, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```expr\n")[1:]
	if len(blocks) < 5 {
		t.Fatalf("found %d examples, which cannot be all", len(blocks))
	}
	for _, block := range blocks {
		example, _, _ := strings.Cut(block, "\n```")
		for _, backupType := range []string{"full", "diff", "incr"} {
			if err := CheckFirst(example, Run{Type: backupType, Trigger: "schedule"}); err != nil {
				t.Errorf("%s, type %s: %v", example, backupType, err)
			}
		}
	}
}
