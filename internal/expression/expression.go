// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Language is the part of expr-lang/expr that a field of the Stanza understands.
type Language struct {
	// Name of such an expression in a message: a gate.
	Name string
	// Page that lists its functions.
	Page string
	// MaxLength is the most characters, as in the CRD of Stanza. It limits how deep an
	// expression can nest: Go ends a program whose stack grows too large.
	MaxLength int
	// Functions that it may use, some of Functions.
	Functions []string
}

// Functions that take time and memory in proportion to their arguments, sorted. No
// other one may be in a Language.
var Functions = []string{
	"abs", "ceil", "date", "duration", "float", "floor", "hasPrefix", "hasSuffix", "indexOf", "int", "lastIndexOf", "len",
	"lower", "max", "min", "now", "round", "string", "timezone", "trim", "trimPrefix", "trimSuffix", "type", "upper",
}

// Compile returns a program whose result is a boolean, and which takes time in
// proportion to the length of the expression.
func (l Language) Compile(expression string, options ...expr.Option) (*vm.Program, error) {
	if strings.Contains(expression, "{{") {
		return nil, fmt.Errorf("holds {{, which belongs to Argo templates; %s is an expr-lang expression", l.Name)
	}
	if err := l.checkLimits(expression); err != nil {
		return nil, err
	}
	program, err := expr.Compile(expression, append(options, expr.AsBool())...)
	if err != nil {
		return nil, fmt.Errorf("does not compile: %s", OneLine(err))
	}
	return program, nil
}

// Run evaluates a program. A result that is not a boolean is an error.
func Run(program *vm.Program, environment any) (bool, error) {
	value, err := expr.Run(program, environment)
	if err != nil {
		return false, fmt.Errorf("cannot be evaluated: %s", OneLine(err))
	}
	result, ok := value.(bool)
	if !ok {
		return false, fmt.Errorf("must be true or false, is %T", value)
	}
	return result, nil
}

// maxQuoted limits how much of an expression a message repeats, in bytes.
const maxQuoted = 200

// OneLine keeps the first line of a message of expr. The other lines draw the
// position. The message quotes the expression, which may hold control characters.
func OneLine(err error) string {
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
