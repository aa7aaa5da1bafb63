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
	for _, name := range functions {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/gate.md does not list %s", name)
		}
	}
}
