// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"os"
	"strings"
	"testing"
)

// TestFunctionsAreDocumented: the message of a gate that is refused says that
// they are.
func TestFunctionsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range functions {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/gate.md does not list %s", name)
		}
	}
}
