// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package when

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/stanzaflow/stanzaflow/internal/expression"
)

// Roots of what an expression reads.
const (
	rootOld = "old"
	rootNew = "new"
)

// reader finds what an expression reads, and makes each whole path one lookup in what
// read has read. It is an ast.Visitor. expr visits what is inside before what is around
// it, so a chain grows step by step, and what is left at the end is as long as it gets.
type reader struct {
	source file.Source
	// chains are the nodes that stand for old, new or a path.
	chains map[ast.Node]chain
	// wrong is the first thing that cannot be read.
	wrong *file.Error
}

type chain struct {
	root string
	path path
}

func newReader(text string) *reader {
	return &reader{source: file.NewSource(text), chains: map[ast.Node]chain{}}
}

// Visit implements ast.Visitor.
func (r *reader) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		switch n.Value {
		case rootOld, rootNew:
			r.chains[n] = chain{root: n.Value}
		case "$env":
			r.refuse(n, "uses $env; "+sees)
		}
	case *ast.MemberNode:
		r.member(node, n)
	case *ast.ChainNode: // around a path with ?.
		if inner, ok := r.chains[n.Node]; ok {
			delete(r.chains, n.Node)
			r.chains[n] = inner
		}
	}
}

// member makes a chain longer.
func (r *reader) member(node *ast.Node, n *ast.MemberNode) {
	inner := n.Node
	before, ok := r.chains[inner]
	if !ok {
		return
	}
	var step any
	switch property := n.Property.(type) {
	case *ast.StringNode:
		step = property.Value
	case *ast.IntegerNode:
		step = property.Value
	default:
		delete(r.chains, inner)
		r.refuse(n, "uses an index of "+before.name()+" that is neither a name nor a number from 0: what an expression reads must be known before it is evaluated")
		return
	}
	if n.Method {
		delete(r.chains, inner)
		r.refuse(n, fmt.Sprintf("calls %v of %s, which has no functions", step, before.name()))
		return
	}
	after := chain{root: before.root, path: before.path.to(step)}
	lookup := &ast.MemberNode{Node: &ast.IdentifierNode{Value: after.root}, Property: &ast.StringNode{Value: after.path.text}}
	lookup.Node.SetLocation(n.Location())
	lookup.Property.SetLocation(n.Location())
	delete(r.chains, inner)
	r.chains[lookup] = after
	ast.Patch(node, lookup)
}

// name of a chain for a message.
func (c chain) name() string {
	if c.path.text == "" {
		return c.root
	}
	return c.root + "." + c.path.text
}

// refuse keeps the first refusal.
func (r *reader) refuse(node ast.Node, message string) {
	if r.wrong == nil || node.Location().From < r.wrong.From {
		r.wrong = &file.Error{Location: node.Location(), Message: message}
	}
}

// refusal says what the expression reads that it must not.
func (r *reader) refusal() error {
	for node, c := range r.chains {
		if len(c.path.steps) == 0 {
			r.refuse(node, "uses "+c.root+" as a whole; "+sees)
		} else if wrong := c.path.check(); wrong != "" {
			r.refuse(node, wrong)
		}
	}
	if r.wrong == nil {
		return nil
	}
	return errors.New(expression.OneLine(r.wrong.Bind(r.source)))
}

// paths are what the expression reads of a root: each once, sorted.
func (r *reader) paths(root string) []path {
	byText := map[string]path{}
	for _, c := range r.chains {
		if c.root == root {
			byText[c.path.text] = c.path
		}
	}
	return slices.SortedFunc(maps.Values(byText), func(a, b path) int { return cmp.Compare(a.text, b.text) })
}
