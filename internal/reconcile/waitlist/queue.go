// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package waitlist

import (
	"cmp"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// Queues has a queue for each cap that runs wait for. Its zero value is ready.
type Queues struct {
	mu    sync.RWMutex
	waits map[types.NamespacedName]*waiter
	byCap map[string][]*waiter
}

type waiter struct {
	run  types.NamespacedName
	wait outcome.Wait
}

// See notes what a run waits for: nothing if wait is nil or for no cap, as when the run
// works, is over or is gone.
func (q *Queues) See(run types.NamespacedName, wait *outcome.Wait) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if known := q.waits[run]; known != nil {
		if wait.ForCap() && known.wait == *wait {
			return
		}
		q.remove(known)
	}
	if wait.ForCap() {
		q.add(&waiter{run, *wait})
	}
}

// Position returns which of the runs that wait for the same cap a run is, from 1, and how
// many there are. Both are zero if it waits for none.
func (q *Queues) Position(run types.NamespacedName) (position, of int) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	known := q.waits[run]
	if known == nil {
		return 0, 0
	}
	queue := q.byCap[known.wait.Lock]
	i, _ := slices.BinarySearchFunc(queue, known, compare)
	return i + 1, len(queue)
}

func (q *Queues) add(w *waiter) {
	if q.waits == nil {
		q.waits, q.byCap = map[types.NamespacedName]*waiter{}, map[string][]*waiter{}
	}
	queue := q.byCap[w.wait.Lock]
	i, _ := slices.BinarySearchFunc(queue, w, compare)
	q.waits[w.run], q.byCap[w.wait.Lock] = w, slices.Insert(queue, i, w)
}

func (q *Queues) remove(w *waiter) {
	queue := q.byCap[w.wait.Lock]
	if i, found := slices.BinarySearchFunc(queue, w, compare); found {
		queue = slices.Delete(queue, i, i+1)
	}
	q.byCap[w.wait.Lock] = queue
	if len(queue) == 0 {
		delete(q.byCap, w.wait.Lock)
	}
	delete(q.waits, w.run)
}

// compare orders the runs of one queue. No two are equal.
func compare(a, b *waiter) int {
	return cmp.Or(a.wait.Before(&b.wait), cmp.Compare(a.run.Namespace, b.run.Namespace), cmp.Compare(a.run.Name, b.run.Name))
}
