// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/stanzaflow/stanzaflow/internal/expression"
)

// Check returns an error of one line if a gate cannot be used. An empty gate is good.
func Check(text string) error {
	if text == "" {
		return nil
	}
	_, err := compile(text)
	return err
}

// Open reports whether a run with these facts may continue. An empty gate is open.
func Open(text string, facts Facts) (bool, error) {
	if text == "" {
		return true, nil
	}
	return open(text, facts)
}

// open evaluates a gate, with options of expr.
func open(text string, facts Facts, options ...expr.Option) (bool, error) {
	program, err := compile(text, options...)
	if err != nil {
		return false, err
	}
	return expression.Run(program, facts)
}

// MaxLength is the most characters that a gate may have, as in the CRD of Stanza.
const MaxLength = 2048

var language = expression.Language{Name: "a gate", Page: "docs/gate.md", MaxLength: MaxLength, Functions: expression.Functions}

func compile(text string, options ...expr.Option) (*vm.Program, error) {
	return language.Compile(text, append(options, expr.Env(Facts{}))...)
}
