// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Kinds of event.
const (
	eventAdd    = "add"
	eventUpdate = "update"
	eventSync   = "sync"
	eventDelete = "delete"
)

// event is what a worker does next for one cluster.
type event struct {
	kind     string
	uid      types.UID
	old, new *Postgresql
}

// queue holds the events of one worker. Events of one kind and one cluster coalesce:
// the newest takes the place of the one that waits, so only its difference counts. A
// deletion discards whatever waits for its cluster.
type queue struct {
	mu     sync.Mutex
	events []event
	wake   chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) add(e event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.kind == eventDelete {
		q.events = slices.DeleteFunc(q.events, func(other event) bool { return other.uid == e.uid })
	}
	if i := slices.IndexFunc(q.events, func(other event) bool { return other.uid == e.uid && other.kind == e.kind }); i >= 0 {
		q.events[i] = e
	} else {
		q.events = append(q.events, e)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next waits for an event, until the context ends.
func (q *queue) next(ctx context.Context) (event, bool) {
	for {
		q.mu.Lock()
		if len(q.events) > 0 {
			e := q.events[0]
			q.events = q.events[1:]
			q.mu.Unlock()
			return e, true
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-ctx.Done():
			return event{}, false
		}
	}
}
