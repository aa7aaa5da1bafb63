// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"reflect"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"
)

func labelsOf(run string) map[string]string {
	return map[string]string{"stanzaflow.dev/cluster": "db-1", "stanzaflow.dev/type": run, "stanzaflow.dev/repo": "repo1"}
}

func TestEqualLabelsAreHeldOnce(t *testing.T) {
	t.Parallel()
	s := newLabelSets()
	first, second, other := s.share(labelsOf("full")), s.share(labelsOf("full")), s.share(labelsOf("incr"))
	if first != second {
		t.Error("the labels of two runs of a schedule are held twice")
	}
	if diff := cmp.Diff(labelsOf("full"), first.labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(labelsOf("incr"), other.labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	runtime.KeepAlive(first)
}

// TestLabelsWithOneHash: another set already has the hash.
func TestLabelsWithOneHash(t *testing.T) {
	t.Parallel()
	s := newLabelSets()
	incr := s.share(labelsOf("incr"))
	s.sets[s.hash(labelsOf("full"))] = weak.Make(incr)
	if diff := cmp.Diff(labelsOf("full"), s.share(labelsOf("full")).labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	runtime.KeepAlive(incr)
}

func TestLabelsOfNoObjectAreForgotten(t *testing.T) {
	t.Parallel()
	s := newLabelSets()
	kept := s.share(labelsOf("incr"))
	s.share(labelsOf("full"))
	left := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.sets)
	}
	for end := time.Now().Add(time.Minute); left() > 1; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d sets of labels are held, want that of the one object", left())
		}
		runtime.GC()
	}
	if s.share(labelsOf("incr")) != kept {
		t.Error("the labels of an object were forgotten")
	}
}

func TestPackedObjectsShareTheirLabels(t *testing.T) {
	t.Parallel()
	c := newCache(t)
	var held []*Object
	for n := range 2 {
		o := cronWorkflow(n)
		o.SetLabels(labelsOf("full"))
		packed, err := c.packing(nil)(o)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, packed.(*Object))
	}
	if reflect.ValueOf(held[0].Labels).Pointer() != reflect.ValueOf(held[1].Labels).Pointer() {
		t.Error("two packed objects hold the same labels twice")
	}
}
