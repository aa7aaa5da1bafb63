// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// checkLimits refuses an expression that could run without end. The memory budget of expr
// does not count texts, and expr has no time limit: let b = a + a ten times turns a
// byte into a kilobyte, three loops over a thousand numbers are a thousand million
// rounds, and (x?){999} is a thousand times as large as it looks.
func (l Language) checkLimits(expression string) error {
	if utf8.RuneCountInString(expression) > l.MaxLength {
		return fmt.Errorf("is longer than %d characters", l.MaxLength)
	}
	tree, err := parser.Parse(expression)
	if err != nil {
		return fmt.Errorf("does not compile: %s", OneLine(err))
	}
	limits := &limits{functions: l.Functions}
	ast.Walk(&tree.Node, limits)
	if limits.beyond != "" {
		return fmt.Errorf("uses %s, which %s cannot: it has no variables, loops or ranges; %s lists its functions", limits.beyond, l.Name, l.Page)
	}
	return nil
}

// limits finds the last part of an expression that is not allowed.
type limits struct {
	functions []string
	beyond    string
}

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
		if !slices.Contains(l.functions, n.Name) {
			l.beyond = "the function " + n.Name
		}
	}
}
