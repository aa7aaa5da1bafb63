// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// ExpressionMessage is the message about a value for which HoldsExpression is
// true.
const ExpressionMessage = "holds {{, which Argo would evaluate; remove it"

// HoldsExpression reports whether a value holds an Argo template expression.
// Argo evaluates those in everything that it runs, so none may come from a
// resource of a user.
func HoldsExpression(value string) bool { return strings.Contains(value, "{{") }

// CheckExpression adds a Problem if a value holds an Argo template expression,
// and reports whether it does not.
func (l *List) CheckExpression(field, value string) bool {
	if HoldsExpression(value) {
		l.Add(field, vocab.ReasonTemplateExpression, ExpressionMessage)
		return false
	}
	return true
}

// NamesUser reports whether a value is a URL with a user or a password, as in
// https://user:password@host.
func NamesUser(value string) bool {
	_, rest, isURL := strings.Cut(value, "://")
	host, _, _ := strings.Cut(rest, "/")
	return isURL && strings.Contains(host, "@")
}

// Alternatives lists words: a, b or c.
func Alternatives(words []string) string { return list(words, "or") }

// All lists words: a, b and c.
func All(words []string) string { return list(words, "and") }

func list(words []string, before string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " " + before + " " + words[last]
}
