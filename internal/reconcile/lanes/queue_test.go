// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package lanes

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
)

func newQueue(t *testing.T) *Queue[int] {
	t.Helper()
	q := New[int]("", workqueue.NewTypedItemExponentialFailureRateLimiter[int](time.Millisecond, time.Millisecond))
	t.Cleanup(q.ShutDown)
	return q
}

var slowly = priorityqueue.AddOpts{Priority: new(handler.LowPriority)}

// drain takes n items.
func drain(q *Queue[int], n int) []int {
	var items []int
	for range n {
		item, _, _ := q.GetWithPriority()
		items = append(items, item)
		q.Done(item)
	}
	return items
}

func TestChangesPassTheRest(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.AddWithOpts(slowly, 1, 2, 3, 4)
	q.Add(10)
	q.AddWithOpts(priorityqueue.AddOpts{}, 11)
	q.Add(3)                  // It waited in the slow lane.
	q.AddWithOpts(slowly, 10) // It stays in the fast one.
	if diff := cmp.Diff([]int{10, 11, 3, 1, 2, 4}, drain(q, q.Len())); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
	// What was popped begins again.
	q.AddWithOpts(slowly, 10, 3)
	q.Add(1)
	if diff := cmp.Diff([]int{1, 10, 3}, drain(q, q.Len())); diff != "" || q.Len() != 0 {
		t.Errorf("-want +got: %s; %d are left", diff, q.Len())
	}
}

// TestDueLater: nearly every cluster has a next look hours away, and that must not take it
// into the fast lane when all of them are looked at again.
func TestDueLater(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.AddWithOpts(priorityqueue.AddOpts{After: time.Hour}, 1)
	q.AddWithOpts(priorityqueue.AddOpts{After: time.Hour, Priority: new(0)}, 2)
	q.AddWithOpts(slowly, 1, 2)
	q.Add(3)
	if diff := cmp.Diff([]int{3, 1, 2}, drain(q, 3)); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
}

// TestAddedWhileInWork: the work queue keeps such an item until it is done.
func TestAddedWhileInWork(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.Add(1)
	item, _ := q.Get()
	q.AddWithOpts(slowly, 2, item)
	q.Add(item)
	q.Done(item)
	if diff := cmp.Diff([]int{1, 2}, drain(q, q.Len())); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
}

func TestTheSlowLaneHasItsTurn(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.AddWithOpts(slowly, 1000)
	for n := range slowTurn {
		q.Add(n)
	}
	if got := drain(q, slowTurn); got[slowTurn-1] != 1000 {
		t.Errorf("the slow lane waits behind %v", got)
	}
}

func TestLaterAndRateLimited(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.AddWithOpts(priorityqueue.AddOpts{After: time.Millisecond, Priority: slowly.Priority}, 1)
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, 2)
	got := drain(q, 2) // Get waits.
	if got[0]+got[1] != 3 || q.NumRequeues(2) != 1 {
		t.Errorf("%v, %d requeues", got, q.NumRequeues(2))
	}
}

// TestNothingIsLost adds and takes at random, and expects what any work queue promises: each
// item that is added is taken after that, and none twice at once.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	q, waits := newQueue(t), map[int]bool{}
	for range 20_000 {
		if item := random.IntN(50); random.IntN(2) == 0 {
			options := priorityqueue.AddOpts{}
			if random.IntN(2) == 0 {
				options = slowly
			}
			q.AddWithOpts(options, item)
			waits[item] = true
		} else if len(waits) > 0 {
			item, _ := q.Get()
			if !waits[item] {
				t.Fatalf("%d is taken and was not added", item)
			}
			delete(waits, item)
			q.Done(item)
		}
		if q.Len() != len(waits) {
			t.Fatalf("%d wait, and the queue has %d", len(waits), q.Len())
		}
	}
}
