// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Kinds of the objects that a Problem can be in.
const (
	KindPostgresql = "postgresql"
	KindStanza     = "Stanza"
)

// Problem is a mistake in a resource of the user.
type Problem struct {
	// Kind of the object: postgresql or Stanza.
	Kind string
	// Field is the path in that object.
	Field string
	// Reason is what is wrong, for programs.
	Reason vocab.Reason
	// Message is one sentence without a full stop: what is wrong, what to do.
	// It never holds a value that may be a credential.
	Message string
}

// Refuses reports whether the field is left out of the Plan. A key in the
// resource itself is used all the same, and reported.
func (p Problem) Refuses() bool { return p.Reason != vocab.ReasonCredentialInline }

// List collects the Problems of one check.
type List []Problem

// Add adds a Problem of the postgresql resource.
func (l *List) Add(field string, reason vocab.Reason, format string, args ...any) {
	*l = append(*l, Problem{Kind: KindPostgresql, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// AddStanza adds a Problem of the Stanza.
func (l *List) AddStanza(field string, reason vocab.Reason, format string, args ...any) {
	*l = append(*l, Problem{Kind: KindStanza, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// Refuse reports whether one of the Problems refuses its field.
func (l List) Refuse() bool { return slices.ContainsFunc(l, Problem.Refuses) }

// Sorted returns the Problems in the order in which users read them: each once,
// those of the postgresql resource first, which is the one people edit, and then
// by field.
func (l List) Sorted() List {
	sorted := slices.SortedFunc(slices.Values(l), func(a, b Problem) int {
		return cmp.Or(
			-cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(sorted)
}
