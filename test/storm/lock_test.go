// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storm_test

import "container/heap"

// lock is a semaphore of Argo, or with the limit 1 a mutex.
type lock struct {
	limit   int
	holders map[*workflow]bool
	pending waiting
}

func newLock(limit int) *lock { return &lock{limit: limit, holders: map[*workflow]bool{}} }

// request puts a run into the queue of the lock that it needs next.
func (a *argo) request(w *workflow) {
	l := w.locks[w.held]
	w.tie = a.random.Uint32()
	heap.Push(&l.pending, w)
	a.judge.waits(l, w)
	a.grant(l)
}

// grant lets the first of a queue have the lock while there is room.
func (a *argo) grant(l *lock) {
	for a.up && len(l.holders) < l.limit && len(l.pending) > 0 {
		w := heap.Pop(&l.pending).(*workflow)
		a.judge.acquires(l, w)
		l.holders[w] = true
		w.held++
		if w.held < len(w.locks) {
			a.request(w)
		} else {
			a.begin(w)
		}
	}
}

// release gives the locks of a run to others, the widest first.
func (a *argo) release(w *workflow) {
	for w.held > 0 {
		w.held--
		l := w.locks[w.held]
		delete(l.holders, w)
		a.grant(l)
	}
}

// waiting is the queue of a lock.
type waiting []*workflow

func (q waiting) Len() int { return len(q) }
func (q waiting) Less(i, j int) bool {
	a, b := q[i], q[j]
	switch {
	case a.priority != b.priority:
		return a.priority > b.priority
	case !a.creationTimestamp().Equal(b.creationTimestamp()):
		return a.creationTimestamp().Before(b.creationTimestamp())
	}
	return a.tie < b.tie
}
func (q waiting) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *waiting) Push(x any)   { *q = append(*q, x.(*workflow)) }
func (q *waiting) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return x
}
