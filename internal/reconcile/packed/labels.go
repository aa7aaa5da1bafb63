// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"hash/maphash"
	"maps"
	"runtime"
	"sync"
	"weak"
)

// labelSet is a set of labels, which nobody changes.
type labelSet struct{ labels map[string]string }

// labelSets hold each set of labels once, as long as an object has it. All runs of a
// schedule have the same labels, and a map of them is larger than what else is held of a run.
type labelSets struct {
	seed maphash.Seed

	mu   sync.Mutex
	sets map[uint64]weak.Pointer[labelSet]
}

func newLabelSets() *labelSets {
	return &labelSets{seed: maphash.MakeSeed(), sets: map[uint64]weak.Pointer[labelSet]{}}
}

// share returns the set of these labels.
func (s *labelSets) share(labels map[string]string) *labelSet {
	key := s.hash(labels)
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.sets[key].Value()
	if held != nil && maps.Equal(held.labels, labels) {
		return held
	}
	set := &labelSet{make(map[string]string, len(labels))}
	for name, value := range labels {
		set.labels[share(name)] = share(value)
	}
	if held == nil { // Else two sets have one hash, and this one is not shared.
		s.sets[key] = weak.Make(set)
		runtime.AddCleanup(set, s.forget, key)
	}
	return set
}

// forget removes a set that no object has any more.
func (s *labelSets) forget(key uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sets[key].Value() == nil {
		delete(s.sets, key)
	}
}

// hash does not depend on the order of a map.
func (s *labelSets) hash(labels map[string]string) (sum uint64) {
	for name, value := range labels {
		sum += maphash.Comparable(s.seed, [2]string{name, value})
	}
	return sum
}
