// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package beside

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// Checkout is a copy of the checkout in which a person works, after make dist.
type Checkout struct {
	kit *kit.Kit
	dir string
}

// NewCheckout copies what a person needs, with the image of the operator under test,
// and writes the manifests that make dist writes.
func NewCheckout(t testing.TB, k *kit.Kit) *Checkout {
	t.Helper()
	c := &Checkout{kit: k, dir: t.TempDir()}
	program.Run(t, program.Checkout, nil, "cp", "-a", "deploy", "workflows", "examples", "docs", "README.md", "bin", c.dir)
	program.Run(t, c.dir, nil, "bash", "-c", `grep -rlF "$1" deploy workflows | xargs sed -i "s|$1|$2|g"`, "image", kit.Released, k.Image)
	for file, folder := range map[string]string{
		"install": "overlays/standalone", "install-alongside": "overlays/alongside",
		"workflows-alongside": "overlays/alongside-workflows", "release-alongside": "release",
	} {
		program.Run(t, c.dir, nil, "bash", "-c", `mkdir -p dist && kubectl kustomize "deploy/$1" >"dist/$2.yaml"`, "render", folder, file)
	}
	return c
}

// Page is the part of a document under a heading.
type Page struct {
	checkout *Checkout
	document string
	blocks   []walkthrough.Block
}

// Page reads a part of a document, up to the next heading.
func (c *Checkout) Page(t testing.TB, document, heading string) *Page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, document)) //nolint:gosec // The tests say which document.
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %s", document, heading)
	}
	if end := headings.FindStringIndex(section); end != nil {
		section = section[:end[0]]
	}
	blocks, err := walkthrough.Blocks(section)
	if err != nil {
		t.Fatalf("%s, %s: %v", document, heading, err)
	}
	return &Page{checkout: c, document: document + ", " + heading, blocks: blocks}
}

var headings = regexp.MustCompile(`(?m)^#{1,3} `)

// Run runs the only block that has a text, and returns what it prints.
func (p *Page) Run(t testing.TB, having string) string {
	t.Helper()
	var chosen []walkthrough.Block
	for _, block := range p.blocks {
		if strings.Contains(block.Text, having) {
			chosen = append(chosen, block)
		}
	}
	if len(chosen) != 1 {
		t.Fatalf("%s has %d blocks of commands with %q, want one", p.document, len(chosen), having)
	}
	script := namespace.ReplaceAllString(chosen[0].Text, "${1}"+p.checkout.kit.Namespace)
	environment := []string{"NAMESPACE=" + p.checkout.kit.Namespace, "CLUSTER=cluster"}
	t.Logf("%s:\n%s", p.document, script)
	out := program.Run(t, p.checkout.dir, environment, "bash", "-c", prelude+script)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	t.Log(strings.Join(lines[max(0, len(lines)-lastLines):], "\n"))
	return out
}

// lastLines of what a block prints go into the log: a watch prints a table again and
// again.
const lastLines = 20

// namespace is where a document names that of the PostgreSQL clusters.
var namespace = regexp.MustCompile(`(\bNAMESPACE=|-n )cpo\b`)

// prelude ends a script at the first command that fails. What make does has been done.
const prelude = "set -euo pipefail\nmake() { echo \"already done: make $*\"; }\n"
