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

// MaxLength is the most characters that a gate may have, as in the CRD of Stanza.
// It limits how deep a gate can nest: Go ends a program whose stack grows too large.
const MaxLength = 2048

// functions are those that a gate may use. Each takes time and memory in
// proportion to its arguments.
var functions = []string{
	"abs", "ceil", "date", "duration", "float", "floor", "hasPrefix", "hasSuffix", "indexOf", "int", "lastIndexOf", "len",
	"lower", "max", "min", "now", "round", "string", "timezone", "trim", "trimPrefix", "trimSuffix", "type", "upper",
}

// checkLimits refuses a gate that could run without end. The memory budget of expr
// does not count texts, and expr has no time limit: let b = a + a ten times turns a
// byte into a kilobyte, three loops over a thousand numbers are a thousand million
// rounds, and (x?){999} is a thousand times as large as it looks. Without those, a
// gate takes time in proportion to its length.
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

// limits finds the last part of a gate that is not allowed.
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
