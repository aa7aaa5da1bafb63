// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// MaxLength of a gate, in characters, as in the CRD of Stanza. It bounds how
// deep a gate can nest: Go ends a program whose stack has no end.
const MaxLength = 2048

// functions of a gate. Each takes time and memory in proportion to what it is
// given.
var functions = []string{
	"abs", "ceil", "date", "duration", "float", "floor", "hasPrefix", "hasSuffix", "indexOf", "int", "lastIndexOf", "len",
	"lower", "max", "min", "now", "round", "string", "timezone", "trim", "trimPrefix", "trimSuffix", "type", "upper",
}

// checkLimits refuses what has no end. The memory budget of expr does not count
// texts, and it has no limit of time: ten times let b = a + a makes a kilobyte of
// a byte, three loops over a thousand numbers are a thousand million rounds, and
// (x?){999} is a thousand times as large as it looks. Without those a gate takes
// as long as it is written.
func checkLimits(expression string) error {
	if utf8.RuneCountInString(expression) > MaxLength {
		return fmt.Errorf("is longer than %d characters", MaxLength)
	}
	tree, err := parser.Parse(expression)
	if err != nil {
		return fmt.Errorf("does not compile: %s", oneLine(err))
	}
	limits := &limits{}
	ast.Walk(&tree.Node, limits)
	if limits.beyond != "" {
		return fmt.Errorf("uses %s, which a gate cannot: it has no variables, loops or ranges; docs/gate.md lists its functions", limits.beyond)
	}
	return nil
}

// limits finds the last part of a gate that is beyond them.
type limits struct{ beyond string }

// Visit implements ast.Visitor.
func (l *limits) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		l.beyond = "let"
	case *ast.BinaryNode:
		switch n.Operator {
		case "..":
			l.beyond = "a range"
		case "matches":
			if pattern, ok := n.Right.(*ast.StringNode); !ok || strings.Contains(pattern.Value, "{") {
				l.beyond = "matches with a pattern that is not plain text or holds {"
			}
		}
	case *ast.BuiltinNode:
		if !slices.Contains(functions, n.Name) {
			l.beyond = "the function " + n.Name
		}
	}
}
