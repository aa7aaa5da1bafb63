// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package lanes

import "sync"

// slowTurn is how many turns the slow lane has one of, while both wait.
const slowTurn = 8

// lanes are the storage of a work queue, which calls all methods but choose under its own
// lock.
type lanes[T comparable] struct {
	mu sync.Mutex
	// slow says in which lane what was added belongs, until it is popped. Without an entry
	// it is the fast one.
	slow map[T]bool
	// waits says in which lane an item waits: one that has moved leaves its place behind.
	waits              map[T]*[]T
	fastLane, slowLane []T
	turn               int
}

func newLanes[T comparable]() *lanes[T] {
	return &lanes[T]{slow: map[T]bool{}, waits: map[T]*[]T{}}
}

// choose says in which lane an item belongs that is about to be added. The fast one wins.
func (l *lanes[T]) choose(item T, slow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if was, known := l.slow[item]; slow && known && !was {
		return
	}
	l.slow[item] = slow
}

// Push implements workqueue.Queue.
func (l *lanes[T]) Push(item T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.push(item)
}

func (l *lanes[T]) push(item T) {
	lane := &l.fastLane
	if l.slow[item] {
		lane = &l.slowLane
	}
	*lane = append(*lane, item)
	l.waits[item] = lane
}

// Touch implements workqueue.Queue. An item that waits is added again.
func (l *lanes[T]) Touch(item T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lane, waits := l.waits[item]; waits && lane == &l.slowLane && !l.slow[item] {
		l.push(item)
	}
}

// Len implements workqueue.Queue.
func (l *lanes[T]) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waits)
}

// Pop implements workqueue.Queue. It is called only if something waits.
func (l *lanes[T]) Pop() T {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn++
	order := []*[]T{&l.fastLane, &l.slowLane}
	if l.turn%slowTurn == 0 {
		order = []*[]T{&l.slowLane, &l.fastLane}
	}
	var item T
	for _, lane := range order {
		for len(*lane) > 0 {
			item = (*lane)[0]
			(*lane)[0] = *new(T) // else the array would keep it
			*lane = (*lane)[1:]
			if l.waits[item] == lane {
				delete(l.waits, item)
				delete(l.slow, item)
				return item
			}
		}
	}
	return item
}
