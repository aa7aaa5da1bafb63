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
	KindTemplate   = "WorkflowTemplate"
)

// Severity says what becomes of the field of a Problem.
type Severity int

const (
	// Refused means that the field is a mistake. It is not used, unless Refuses says
	// otherwise.
	Refused Severity = iota
	// Warning means that the field is used, and may not do what its user expects.
	Warning
)

// Problem is something in a resource of the user that the user should change, or
// at least know.
type Problem struct {
	Severity Severity

	// Kind of the object: postgresql, Stanza or WorkflowTemplate.
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
// resource itself is used all the same, and reported, and so is what CPO makes
// something broken of: only CPO uses it.
func (p Problem) Refuses() bool {
	return p.Severity == Refused && p.Reason != vocab.ReasonCredentialInline && p.Reason != vocab.ReasonBrokenByCPO
}

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

// AddTemplate adds a Problem of the WorkflowTemplate that the Stanza uses.
func (l *List) AddTemplate(field string, reason vocab.Reason, format string, args ...any) {
	*l = append(*l, Problem{Kind: KindTemplate, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// Warn adds a warning about the postgresql resource.
func (l *List) Warn(field string, reason vocab.Reason, format string, args ...any) {
	*l = append(*l, Problem{Severity: Warning, Kind: KindPostgresql, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// WarnStanza adds a warning about the Stanza.
func (l *List) WarnStanza(field string, reason vocab.Reason, format string, args ...any) {
	*l = append(*l, Problem{Severity: Warning, Kind: KindStanza, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// Mistakes returns the Problems that are not warnings.
func (l List) Mistakes() List { return l.of(Refused) }

// Warnings returns the warnings.
func (l List) Warnings() List { return l.of(Warning) }

func (l List) of(severity Severity) List {
	return slices.DeleteFunc(slices.Clone(l), func(p Problem) bool { return p.Severity != severity })
}

// Refuse reports whether one of the Problems refuses its field.
func (l List) Refuse() bool { return slices.ContainsFunc(l, Problem.Refuses) }

// Sorted returns the Problems in the order in which users read them: each once,
// mistakes before warnings, those of the postgresql resource first, which is the
// one people edit, and then by field.
func (l List) Sorted() List {
	sorted := slices.SortedFunc(slices.Values(l), func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Severity, b.Severity),
			-cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(sorted)
}
