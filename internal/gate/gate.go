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

// Check returns an error of one line if a gate cannot be used. An empty gate is good.
func Check(expression string) error {
	if expression == "" {
		return nil
	}
	_, err := compile(expression)
	return err
}

// Open reports whether a run with these facts may continue. An empty gate is open.
func Open(expression string, facts Facts) (bool, error) {
	if expression == "" {
		return true, nil
	}
	return open(expression, facts)
}

// open evaluates a gate, with options of expr.
func open(expression string, facts Facts, options ...expr.Option) (bool, error) {
	program, err := compile(expression, options...)
	if err != nil {
		return false, err
	}
	value, err := expr.Run(program, facts)
	if err != nil {
		return false, fmt.Errorf("cannot be evaluated: %s", oneLine(err))
	}
	isOpen, ok := value.(bool)
	if !ok {
		return false, fmt.Errorf("must be true or false, is %T", value)
	}
	return isOpen, nil
}

func compile(expression string, options ...expr.Option) (*vm.Program, error) {
	if strings.Contains(expression, "{{") {
		return nil, fmt.Errorf("holds {{, which belongs to Argo templates; a gate is an expr-lang expression")
	}
	if err := checkLimits(expression); err != nil {
		return nil, err
	}
	program, err := expr.Compile(expression, append(options, expr.Env(Facts{}), expr.AsBool())...)
	if err != nil {
		return nil, fmt.Errorf("does not compile: %s", oneLine(err))
	}
	return program, nil
}

// maxQuoted limits how much of a gate a message repeats, in bytes.
const maxQuoted = 200

// oneLine keeps the first line of a message of expr. The other lines draw the
// position. The message quotes the gate, which may hold control characters.
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
