// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"strings"
	"unicode"

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
	if err := checkLimits(expression); err != nil {
		return nil, err
	}
	program, err := expr.Compile(expression, expr.Env(Facts{}), expr.AsBool())
	if err != nil {
		return nil, fmt.Errorf("does not compile: %s", oneLine(err))
	}
	return program, nil
}

// maxQuoted bounds what a message repeats of a gate, in bytes.
const maxQuoted = 200

// oneLine keeps the first line of expr's messages, which go on with a drawing
// of the place. They quote the gate, whatever that holds.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
	if len(line) > maxQuoted {
		line = strings.ToValidUTF8(line[:maxQuoted], "") + "…"
	}
	return strings.TrimRight(line, " .")
}
