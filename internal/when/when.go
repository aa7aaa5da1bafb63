// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package when

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/stanzaflow/stanzaflow/internal/expression"
)

// MaxLength is the most characters that an expression may have, as in the CRD of Stanza.
const MaxLength = 1024

// MaxValues is the most bytes that an expression may read of an object, as JSON: they
// are kept in the status of the Stanza, for each of 16 objects of 16 triggers.
const MaxValues = 1024

// language has every function but now: what counts is the change, not when it is looked
// at. An operator that was down looks later.
var language = expression.Language{
	Name: "when of a trigger", Page: "docs/triggers.md", MaxLength: MaxLength, Functions: withoutNow(),
}

func withoutNow() []string {
	var functions []string
	for _, name := range expression.Functions {
		if name != "now" {
			functions = append(functions, name)
		}
	}
	return functions
}

// Program is a compiled expression. Nil is the empty expression, for which every change
// counts.
type Program struct {
	program *vm.Program
	// old and now are what the expression reads of the object before and after.
	old, now []path
}

// Compile reads an expression. The error is of one line and says where the mistake is.
func Compile(text string) (*Program, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // The empty expression is a Program, as its comment says.
	}
	found := newReader(text)
	program, err := language.Compile(text, expr.Env(environment(nil, nil)), expr.Patch(found))
	if refused := found.refusal(); refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	return &Program{program: program, old: found.paths(rootOld), now: found.paths(rootNew)}, nil
}

// environment is what an expression is compiled and evaluated in: by its root and by the
// text of a path, what is there.
func environment(old, now map[string]any) map[string]any {
	return map[string]any{rootOld: old, rootNew: now}
}

// Paths are what the expression reads of the object before, sorted.
func (p *Program) Paths() []string {
	if p == nil {
		return nil
	}
	texts := make([]string, 0, len(p.old))
	for _, path := range p.old {
		texts = append(texts, path.text)
	}
	return texts
}

// Values returns what the expression will need of an object once that is the one before,
// as JSON: a member for each of Paths. It is empty for the empty expression.
func (p *Program) Values(object map[string]any) (string, error) {
	if p == nil {
		return "", nil
	}
	return encode(read(object, p.old))
}

// Fit reports whether values are of this expression, and not of another one that the
// trigger had before.
func (p *Program) Fit(values string) bool {
	if p == nil {
		return true
	}
	_, err := decode(values, p.old)
	return err == nil
}

// Eval reports whether a change counts: from the object of which Values was kept to
// another one. An error says in one line why that cannot be decided.
func (p *Program) Eval(kept string, object map[string]any) (bool, error) {
	if p == nil {
		return true, nil
	}
	old, err := decode(kept, p.old)
	if err != nil {
		return false, err
	}
	text, err := encode(read(object, p.now))
	if err != nil {
		return false, err
	}
	// Both come from JSON, so that equal values are of equal types.
	now, err := decode(text, p.now)
	if err != nil {
		return false, err
	}
	counts, err := expression.Run(p.program, environment(old, now))
	if err != nil {
		return false, fmt.Errorf("when %w", err)
	}
	return counts, nil
}
