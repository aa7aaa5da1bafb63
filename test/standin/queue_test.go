// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestQueueKeepsTheLastDifference checks that a schedule that was changed before an
// annotation is lost: the update compares only the last two states.
func TestQueueKeepsTheLastDifference(t *testing.T) {
	t.Parallel()
	before, edited, annotated := &Postgresql{}, &Postgresql{}, &Postgresql{}
	edited.Spec.TeamID, annotated.Spec.TeamID = "edited", "edited"
	q := newQueue()
	q.add(event{kind: eventUpdate, uid: "a", old: before, new: edited})
	q.add(event{kind: eventSync, uid: "a", new: edited})
	q.add(event{kind: eventUpdate, uid: "b", old: before, new: before})
	q.add(event{kind: eventUpdate, uid: "a", old: edited, new: annotated})
	first, _ := q.next(t.Context())
	if first.old != edited || first.new != annotated {
		t.Errorf("the update compares %+v and %+v", first.old.Spec, first.new.Spec)
	}
	q.add(event{kind: eventDelete, uid: "a", new: annotated})
	var left []string
	for range 2 {
		e, _ := q.next(t.Context())
		left = append(left, e.kind+" "+string(e.uid))
	}
	if diff := cmp.Diff([]string{"update b", "delete a"}, left); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
