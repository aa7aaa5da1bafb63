// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Check reports why a gate cannot be used, in one line. An empty gate is fine.
func Check(expression string) error {
	if expression == "" {
		return nil
	}
	_, err := compile(expression)
	return err
}

// Open reports whether a run with these facts may go on. An empty gate is open.
func Open(expression string, facts Facts) (bool, error) {
	if expression == "" {
		return true, nil
	}
	program, err := compile(expression)
	if err != nil {
		return false, err
	}
	value, err := expr.Run(program, facts)
	if err != nil {
		return false, fmt.Errorf("cannot be evaluated: %s", oneLine(err))
	}
	open, ok := value.(bool)
	if !ok {
		return false, fmt.Errorf("must be true or false, is %T", value)
	}
	return open, nil
}

func compile(expression string) (*vm.Program, error) {
	if strings.Contains(expression, "{{") {
		return nil, fmt.Errorf("holds {{, which belongs to Argo templates; a gate is an expr-lang expression")
	}
	program, err := expr.Compile(expression, expr.Env(Facts{}), expr.AsBool())
	if err != nil {
		return nil, fmt.Errorf("does not compile: %s", oneLine(err))
	}
	return program, nil
}

// oneLine keeps the first line of expr's messages, which go on with a drawing
// of the place.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
