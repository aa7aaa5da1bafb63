// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/when"
)

// maxObjects is how many objects a trigger follows.
const maxObjects = 16

// key of an object in the observations.
func (o Object) key() string { return o.Kind + "/" + o.Name }

// seenAs is an object as a trigger remembers it. One that was created again under the same
// name has another UID and counts its generations from 1 again.
func (o Object) seenAs(values string) stanzaflowv1alpha1.TriggerObservation {
	return stanzaflowv1alpha1.TriggerObservation{Object: o.key(), Version: strconv.FormatInt(o.Generation, 10), UID: o.UID, Values: values}
}

// changed reports whether an object is another one than was seen, or has another spec. A
// generation from before is a late cache.
func (o Object) changed(was stanzaflowv1alpha1.TriggerObservation) bool {
	known, err := strconv.ParseInt(was.Version, 10, 64)
	return o.UID != was.UID || err != nil || o.Generation > known
}

// NeedsContent reports whether Decide needs the content of an object, of which only the
// metadata is known.
func NeedsContent(before []stanzaflowv1alpha1.TriggerStatus, trigger plan.Trigger, object Object) bool {
	for _, t := range before {
		if t.Name == trigger.Name {
			e := entry{TriggerStatus: t}
			return needsContent(e.observed(object.key()), trigger, object)
		}
	}
	return needsContent(nil, trigger, object)
}

func needsContent(was *stanzaflowv1alpha1.TriggerObservation, trigger plan.Trigger, object Object) bool {
	return trigger.When != nil && !known(was, trigger, object)
}

// tooMuch stands for values that a status has no room for.
const tooMuch = "null"

// known reports whether an object is as it was seen, by the expression that the trigger
// has now.
func known(was *stanzaflowv1alpha1.TriggerObservation, trigger plan.Trigger, object Object) bool {
	return was != nil && !object.changed(*was) && (was.Values == tooMuch || trigger.When.Fit(was.Values))
}

// observeObjects adds a cause for each object that has changed as the trigger says. It
// remembers an object that is gone: it may be created again.
func (d *decider) observeObjects(e *entry, t plan.Trigger) {
	e.forget(func(object string) bool {
		return strings.HasPrefix(object, t.Of.Kind+"/") && (t.Of.Selector != nil || object == t.Of.Kind+"/"+t.Of.Name)
	})
	seen, ok := d.in.Seen.Objects[t.Name]
	if !ok {
		return
	}
	followed := follow(e, seen)
	if len(followed) < len(seen) {
		e.note(fmt.Sprintf("only %d of %d are followed; use a narrower selector, or several triggers", len(followed), len(seen)))
	}
	for _, object := range followed {
		d.observeObject(e, t, object)
	}
	drop := len(e.Observed) - maxObjects
	e.forget(func(key string) bool {
		if drop <= 0 || slices.ContainsFunc(followed, func(o Object) bool { return o.key() == key }) {
			return true
		}
		drop--
		return false
	})
}

// follow chooses the objects that a trigger follows, in the order of their names: those
// that it follows already come first, so that no other one pushes them out.
func follow(e *entry, seen []Object) []Object {
	followed := slices.Clone(seen)
	byName := func(a, b Object) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(followed, func(a, b Object) int {
		hasA, hasB := e.observed(a.key()) != nil, e.observed(b.key()) != nil
		switch {
		case hasA == hasB:
			return byName(a, b)
		case hasA:
			return -1
		}
		return 1
	})
	followed = followed[:min(len(followed), maxObjects)]
	slices.SortFunc(followed, byName)
	return followed
}

// observeObject adds a cause if one object has changed as the trigger says.
func (d *decider) observeObject(e *entry, t plan.Trigger, object Object) {
	was := e.observed(object.key())
	if known(was, t, object) {
		e.noteTooMuch(*was, t)
		return
	}
	if object.Content == nil && t.When != nil {
		e.note("cannot read " + object.key())
		return
	}
	values, err := t.When.Values(object.Content)
	if err != nil {
		values = tooMuch
	}
	if was != nil && object.changed(*was) {
		if text, counts := judge(*was, t, object); counts {
			e.addCause(text, d.now())
		}
	}
	saw := object.seenAs(values)
	e.noteTooMuch(saw, t)
	e.remember(saw)
}

// note adds what a person should know of the objects of the trigger.
func (e *entry) note(text string) { e.notes = append(e.notes, text) }

func (e *entry) noteTooMuch(saw stanzaflowv1alpha1.TriggerObservation, t plan.Trigger) {
	if t.When != nil && saw.Values == tooMuch {
		e.note(fmt.Sprintf("when reads more than %d bytes of %s, so that each change of it starts a run", when.MaxValues, saw.Object))
	}
}

// judge reports whether a change counts, and how it reads. One that cannot be judged
// counts.
func judge(was stanzaflowv1alpha1.TriggerObservation, t plan.Trigger, object Object) (string, bool) {
	what := object.key()
	if was.UID != object.UID {
		what += " was created again"
	}
	text := fmt.Sprintf("%s: generation %d, before %s", what, object.Generation, was.Version)
	counts, err := t.When.Eval(was.Values, object.Content)
	if err != nil {
		return text + "; " + err.Error(), true
	}
	return text, counts
}
