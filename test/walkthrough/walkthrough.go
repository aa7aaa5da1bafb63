// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package walkthrough reads the commands of a document that a person follows line
// by line. A comment above a code block says when to leave it out:
//
//	<!-- way: helm -->         only for people who have chosen this way, or one of several
//	<!-- not run: docker -->   not in a test, which has no such program
package walkthrough

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// InstallWays are the ways that docs/install.md offers.
var InstallWays = []string{"helm", "kustomize", "manifest"}

// PredeployWays are the ways that docs/pre-deploy.md offers. Argo CD's has no command.
var PredeployWays = []string{"argo", "argo-cd", "argo-events", "argo-server", "helm", "kubectl"}

// RestoreWays are how docs/restore.md ends: the restored database is opened, or the restore
// is undone.
var RestoreWays = []string{"open", "undo"}

// Block is a code block with commands.
type Block struct {
	Line   int
	Ways   []string
	NotRun string
	Text   string
}

var (
	fence   = regexp.MustCompile("^( *)```([a-z]*)$")
	comment = regexp.MustCompile(`^ *<!-- (way|not run): (.+) -->$`)
)

// Blocks returns the blocks of a document in the language sh.
func Blocks(document string) ([]Block, error) {
	var blocks []Block
	var open *Block
	var pending Block
	language, indent := "", ""
	for i, line := range strings.Split(document, "\n") {
		mark := fence.FindStringSubmatch(line)
		switch {
		case open == nil && mark != nil:
			block := pending
			block.Line, indent, language = i+1, mark[1], mark[2]
			open, pending = &block, Block{}
		case mark != nil && mark[2] == "":
			if language == "sh" {
				blocks = append(blocks, *open)
			} else if open.NotRun != "" || open.Ways != nil {
				return nil, fmt.Errorf("line %d: the comment stands above a block that is never run", open.Line)
			}
			open = nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		default:
			if err := pending.read(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block does not end", open.Line)
	}
	return blocks, nil
}

// read notes a comment for the next block. Any other text between the two is an error.
func (b *Block) read(line string) error {
	match := comment.FindStringSubmatch(line)
	switch {
	case match == nil && strings.Contains(line, "<!--"):
		return fmt.Errorf("unknown comment: %s", line)
	case match == nil && strings.TrimSpace(line) != "":
		if b.NotRun != "" || b.Ways != nil {
			return fmt.Errorf("no block follows the comment")
		}
	case match == nil:
	case match[1] == "way":
		b.Ways = strings.Split(match[2], ", ")
	default:
		b.NotRun = match[2]
	}
	return nil
}

// Script returns what a person runs who has chosen a way. It stops at the first
// command that fails, and prints the line of the document before each block. values
// replace what the document has after NAME=.
func Script(blocks []Block, document, way string, values map[string]string) (string, error) {
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	missing := values
	for _, block := range blocks {
		if block.NotRun != "" || block.Ways != nil && !slices.Contains(block.Ways, way) {
			continue
		}
		text := block.Text
		rest := map[string]string{}
		for name, value := range missing {
			assignment := regexp.MustCompile(`(?m)^` + name + `=\S+`)
			if !assignment.MatchString(text) {
				rest[name] = value
				continue
			}
			text = assignment.ReplaceAllLiteralString(text, name+"='"+value+"'")
		}
		missing = rest
		_, _ = fmt.Fprintf(&script, "echo '### %s:%d'\n%s", document, block.Line, text)
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("%s does not set %v", document, missing)
	}
	return script.String(), nil
}
