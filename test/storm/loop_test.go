// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storm_test

import (
	"container/heap"
	"time"
)

// loop is a virtual clock that does what is due, in order.
type loop struct {
	now    time.Time
	queue  events
	number int
}

type event struct {
	at     time.Time
	number int // events of one moment happen in the order in which they were planned
	do     func()
}

// at plans something.
func (l *loop) at(t time.Time, do func()) {
	l.number++
	heap.Push(&l.queue, event{t, l.number, do})
}

// runUntil does all that is due before a moment.
func (l *loop) runUntil(end time.Time) {
	for len(l.queue) > 0 && l.queue[0].at.Before(end) {
		next := heap.Pop(&l.queue).(event)
		l.now = next.at
		next.do()
	}
	l.now = end
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].number < e[j].number
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}
