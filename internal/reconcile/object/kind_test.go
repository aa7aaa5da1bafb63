// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestUnknownKind: no rule for another kind applies to a kind that is not in the
// table.
func TestUnknownKind(t *testing.T) {
	t.Parallel()
	pod := corev1.SchemeGroupVersion.WithKind("Pod")
	otherGroup := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: CronWorkflow.Kind}
	for _, kind := range []schema.GroupVersionKind{pod, otherGroup} {
		if _, ok := lookup(kind); ok {
			t.Errorf("%s is in the table", kind)
		}
		for name, use := range map[string]func(){
			"KindOf":      func() { KindOf(kind) },
			"Objects.Set": func() { Objects{}.Set(kind, nil) },
			"Objects.Add": func() { Objects{}.Add(New(kind)) },
			"Find":        func() { Objects{}.Find(kind, "a") },
			"Differs":     func() { Differs(New(kind), New(kind)) },
			"Missing":     func() { _ = Failure{Kind: kind, Err: errNotFound}.Missing() },
		} {
			if !panics(use) {
				t.Errorf("%s accepts %s", name, kind)
			}
		}
	}
	for _, planned := range []any{
		&corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}},
		// In the table, and not ours to write.
		map[string]any{"apiVersion": Workflow.GroupVersion().String(), "kind": Workflow.Kind},
	} {
		if _, err := encodeAll([]any{planned}); err == nil || !strings.Contains(err.Error(), "the table of kinds does not let us write") {
			t.Errorf("%T is planned: %v", planned, err)
		}
	}
}

var errNotFound = apierrors.NewNotFound(schema.GroupResource{}, "a")

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

// TestTableOfKinds: what a row says fits together.
func TestTableOfKinds(t *testing.T) {
	t.Parallel()
	seen := map[schema.GroupVersionKind]bool{}
	for _, kind := range kinds {
		if seen[kind.GVK] {
			t.Errorf("%s has two rows", kind.GVK)
		}
		seen[kind.GVK] = true
		if whole := kind.Ownership == Whole; whole != (len(kind.Payload) > 0) {
			t.Errorf("%s is %s, with payload %v", kind.GVK, kind.Ownership, kind.Payload)
		}
		if kind.Watched && (kind.Ownership == WriteOnly || kind.Ownership == ReadOnly) {
			t.Errorf("%s is %s and watched with our label", kind.GVK, kind.Ownership)
		}
		if kind.HoldsBackups && kind.Ownership != CreateOnly {
			t.Errorf("%s holds backups and is %s", kind.GVK, kind.Ownership)
		}
	}
}

// TestOrderHasATurnForEveryVerb: Apply knows what to do for each, or asks the
// room provision.
func TestOrderHasATurnForEveryVerb(t *testing.T) {
	t.Parallel()
	others := []Verb{Issue, Renew, WriteSecret, EnsureSecret, Grow}
	here, count := acts(), 0
	for _, turn := range turns {
		for _, verb := range turn {
			count++
			if _, ok := here[verb]; ok == slices.Contains(others, verb) {
				t.Errorf("%s is done here: %v", verb, ok)
			}
		}
	}
	if count != len(here)+len(others) {
		t.Errorf("%d verbs have a turn, of %d", count, len(here)+len(others))
	}
	if !panics(func() { Order([]Action{{Verb: Create}, {Verb: "dance"}}) }) {
		t.Error("an unknown verb has a turn")
	}
}

// TestOrder: what a run needs comes before what starts it, and a turn keeps its
// order.
func TestOrder(t *testing.T) {
	t.Parallel()
	named := func(name string) *unstructured.Unstructured {
		o := New(CronWorkflow)
		o.SetName(name)
		return o
	}
	actions := []Action{
		{Verb: Keep, Have: named("a")},
		{Verb: Delete, Have: named("b")},
		{Verb: Update, Want: named("c")},
		{Verb: Create, Want: named("d")},
		{Verb: Retire, Have: named("e")},
		{Verb: Suspend, Have: named("f")},
		{Verb: Create, Want: named("g")},
		{Verb: Issue, Want: named("h")},
		{Verb: CreateStanza},
	}
	Order(actions)
	var got []string
	for _, action := range actions {
		name := ""
		if action.Object() != nil {
			name = action.Object().GetName()
		}
		got = append(got, string(action.Verb)+" "+name)
	}
	want := "create Stanza , issue h, create d, create g, update c, retire e, suspend f, delete b, keep a"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}
