// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package walkthrough_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

const document = "# Title\n\n```sh\nNAME=x  # yours\n```\n\n<!-- way: a, b -->\n```sh\nfor both\n```\n" +
	"\n<!-- not run: docker -->\n\n```sh\ndocker\n```\n\n```yaml\nno: command\n```\n\n1. step\n\n   <!-- way: a -->\n   ```sh\n   indented\n     more\n   ```\n"

func TestBlocks(t *testing.T) {
	got, err := walkthrough.Blocks(document)
	if err != nil {
		t.Fatal(err)
	}
	want := []walkthrough.Block{
		{Line: 3, Text: "NAME=x  # yours\n"},
		{Line: 8, Ways: []string{"a", "b"}, Text: "for both\n"},
		{Line: 14, NotRun: "docker", Text: "docker\n"},
		{Line: 25, Ways: []string{"a"}, Text: "indented\n  more\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
}

func TestBlocksRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown comment":         "<!-- skip -->\n```sh\nx\n```",
		"a comment without a block":  "<!-- way: a -->\ntext",
		"a comment of another block": "<!-- way: a -->\n```yaml\nx: y\n```",
		"a block that does not end":  "```sh\nx",
	} {
		if _, err := walkthrough.Blocks(text); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestScript(t *testing.T) {
	blocks, err := walkthrough.Blocks(document)
	if err != nil {
		t.Fatal(err)
	}
	got, err := walkthrough.Script(blocks, "x.md", "b", map[string]string{"NAME": "y"})
	if err != nil {
		t.Fatal(err)
	}
	want := "set -euo pipefail\necho '### x.md:3'\nNAME='y'  # yours\necho '### x.md:8'\nfor both\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("script (-want +got):\n%s", diff)
	}
	if _, err := walkthrough.Script(blocks, "x.md", "b", map[string]string{"OTHER": "y"}); err == nil || !strings.Contains(err.Error(), "OTHER") {
		t.Errorf("a value that the document does not set: %v", err)
	}
}
