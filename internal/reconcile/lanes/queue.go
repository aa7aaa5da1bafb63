// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package lanes

import (
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

// Queue is a work queue with two lanes.
type Queue[T comparable] struct {
	workqueue.TypedRateLimitingInterface[T]

	lanes *lanes[T]
}

var _ priorityqueue.PriorityQueue[int] = &Queue[int]{}

// New returns an empty queue. Its name is that of its metrics.
func New[T comparable](name string, limiter workqueue.TypedRateLimiter[T]) *Queue[T] {
	lanes := newLanes[T]()
	waiting := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[T]{Name: name, Queue: lanes})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[T]{Name: name, Queue: waiting})
	return &Queue[T]{
		TypedRateLimitingInterface: workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[T]{Name: name, DelayingQueue: delaying}),
		lanes:                      lanes,
	}
}

// Add implements workqueue.TypedInterface: into the fast lane.
func (q *Queue[T]) Add(item T) { q.AddWithOpts(priorityqueue.AddOpts{}, item) }

// AddWithOpts implements priorityqueue.PriorityQueue. A priority below 0 is the slow lane.
// What is added for later is in the fast lane when it is due.
func (q *Queue[T]) AddWithOpts(options priorityqueue.AddOpts, items ...T) {
	for _, item := range items {
		// What is due later has no lane yet: it would take what is added before into it.
		if options.After <= 0 && !options.RateLimited {
			q.lanes.choose(item, options.Priority != nil && *options.Priority < 0)
		}
		switch {
		case options.RateLimited:
			q.AddRateLimited(item)
		case options.After > 0:
			q.AddAfter(item, options.After)
		default:
			q.TypedRateLimitingInterface.Add(item)
		}
	}
}

// GetWithPriority implements priorityqueue.PriorityQueue. When a pass asks for the next one,
// that is due at its time and belongs into the fast lane.
func (q *Queue[T]) GetWithPriority() (item T, priority int, shutdown bool) {
	item, shutdown = q.Get()
	return item, 0, shutdown
}
