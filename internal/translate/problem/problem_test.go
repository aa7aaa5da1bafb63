// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestSorted(t *testing.T) {
	t.Parallel()
	var list problem.List
	list.Warn("spec.0", vocab.ReasonInvalidField, "is odd")
	list.AddStanza("spec.gate", vocab.ReasonInvalidGate, "is %d", 1)
	list.Add("spec.b", vocab.ReasonInvalidField, "is wrong")
	list.Add("spec.a", vocab.ReasonMissingField, "is required")
	list.Add("spec.b", vocab.ReasonInvalidField, "is wrong")
	unsorted := append(problem.List(nil), list...)
	want := problem.List{
		{Kind: "postgresql", Field: "spec.a", Reason: vocab.ReasonMissingField, Message: "is required"},
		{Kind: "postgresql", Field: "spec.b", Reason: vocab.ReasonInvalidField, Message: "is wrong"},
		{Kind: "Stanza", Field: "spec.gate", Reason: vocab.ReasonInvalidGate, Message: "is 1"},
		{Severity: problem.Warning, Kind: "postgresql", Field: "spec.0", Reason: vocab.ReasonInvalidField, Message: "is odd"},
	}
	if diff := cmp.Diff(want, list.Sorted()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(unsorted, list); diff != "" {
		t.Errorf("the list itself has changed:\n%s", diff)
	}
}

func TestSeverity(t *testing.T) {
	t.Parallel()
	var list problem.List
	list.Warn("spec.a", vocab.ReasonInvalidField, "is odd")
	list.WarnStanza("spec.b", vocab.ReasonInvalidGate, "is odd")
	if list.Refuse() || len(list.Mistakes()) > 0 || len(list.Warnings()) != 2 {
		t.Errorf("two warnings are %v", list)
	}
	list.Add("spec.c", vocab.ReasonInvalidField, "is wrong")
	if !list.Refuse() || len(list.Mistakes()) != 1 || len(list.Warnings()) != 2 {
		t.Errorf("two warnings and a mistake are %v", list)
	}
}

// A key in the resource is a mistake, and it is used.
func TestRefuse(t *testing.T) {
	t.Parallel()
	var list problem.List
	list.Add("spec.key", vocab.ReasonCredentialInline, "is the key itself")
	if list.Refuse() {
		t.Error("a key in the resource refuses its repo")
	}
	list.Add("spec.key", vocab.ReasonInvalidOption, "is wrong")
	if !list.Refuse() {
		t.Error("a wrong key does not refuse its repo")
	}
}

func TestCheckExpression(t *testing.T) {
	t.Parallel()
	var list problem.List
	if !list.CheckExpression("spec.a", "{ }} {x}") || len(list) != 0 {
		t.Errorf("braces are %v", list)
	}
	if list.CheckExpression("spec.a", "a{{x}}") || len(list) != 1 || list[0].Reason != vocab.ReasonTemplateExpression {
		t.Errorf("an expression is %v", list)
	}
}

func TestNamesUser(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"https://user:password@host/path": true, "s3://user@host": true,
		"https://host/user@path": false, "user@host": false, "https://host": false, "": false,
	} {
		if got := problem.NamesUser(value); got != want {
			t.Errorf("%q names a user: %t", value, got)
		}
	}
}

func TestAlternatives(t *testing.T) {
	t.Parallel()
	if got := problem.All([]string{"a", "b", "c"}); got != "a, b and c" {
		t.Error(got)
	}
	if got := problem.Alternatives([]string{"a", "b", "c"}); got != "a, b or c" {
		t.Error(got)
	}
	if got := problem.Alternatives([]string{"a", "b"}); got != "a or b" {
		t.Error(got)
	}
}
