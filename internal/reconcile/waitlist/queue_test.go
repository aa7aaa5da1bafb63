// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package waitlist

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

const all = "argo/ConfigMap/pgbackrest-caps/all"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func waits(lock string, priority int32, second int) *outcome.Wait {
	return &outcome.Wait{Lock: lock, Priority: priority, Created: noon.Add(time.Duration(second) * time.Second)}
}

func run(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// TestPosition: fulls first, then who came first, whatever the namespace is.
func TestPosition(t *testing.T) {
	t.Parallel()
	var q Queues
	full, incr, late, bucket := run("a", "full"), run("b", "incr"), run("a", "late"), run("a", "bucket")
	check := func(when string, want map[types.NamespacedName]string) {
		t.Helper()
		for key, position := range want {
			at, of := q.Position(key)
			if got := fmt.Sprintf("%d of %d", at, of); got != position {
				t.Errorf("%s: %s is %s, want %s", when, key, got, position)
			}
		}
	}
	check("nobody waits", map[types.NamespacedName]string{full: "0 of 0"})
	q.See(incr, waits(all, 0, 1))
	q.See(late, waits(all, 0, 2))
	q.See(full, waits(all, 20, 3))
	q.See(bucket, waits("argo/Database/bucket", 20, 0))
	q.See(run("a", "behind"), waits("a/Mutex/pgbackrest-shop", 20, 0))
	check("all wait", map[types.NamespacedName]string{full: "1 of 3", incr: "2 of 3", late: "3 of 3", bucket: "1 of 1", run("a", "behind"): "0 of 0"})
	q.See(incr, waits(all, 0, 1))
	check("seen again", map[types.NamespacedName]string{incr: "2 of 3"})
	q.See(full, nil)
	q.See(bucket, waits(all, 20, 0))
	check("the full runs, and another has its bucket", map[types.NamespacedName]string{full: "0 of 0", bucket: "1 of 3", incr: "2 of 3", late: "3 of 3"})
	for _, key := range []types.NamespacedName{incr, late, bucket} {
		q.See(key, nil)
	}
	if len(q.waits)+len(q.byCap) > 0 {
		t.Errorf("something is left: %v, %v", q.waits, q.byCap)
	}
}

// TestPositionsAreThoseOfASort: whatever comes, changes and goes.
func TestPositionsAreThoseOfASort(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		var q Queues
		known := map[types.NamespacedName]*waiter{}
		for range 300 {
			key := run(fmt.Sprint(random.IntN(3)), fmt.Sprint(random.IntN(30)))
			wait := waits(all, int32(random.IntN(3)*10), random.IntN(20))
			if random.IntN(3) == 0 {
				wait = nil
			}
			q.See(key, wait)
			delete(known, key)
			if wait != nil {
				known[key] = &waiter{key, *wait}
			}
		}
		var sorted []*waiter
		for _, w := range known {
			sorted = append(sorted, w)
		}
		slices.SortFunc(sorted, compare)
		for i, w := range sorted {
			if position, of := q.Position(w.run); position != i+1 || of != len(sorted) {
				t.Fatalf("seed %d: %s is %d of %d, want %d of %d", seed, w.run, position, of, i+1, len(sorted))
			}
		}
	}
}

// BenchmarkAfterAnOutage is a fleet whose runs come at once, and then each asks where it is.
func BenchmarkAfterAnOutage(b *testing.B) {
	const fleet = 10_000
	for b.Loop() {
		var q Queues
		for i := range fleet {
			q.See(run("db", fmt.Sprint(i)), waits(all, int32(i%3*10), i%600))
		}
		for i := range fleet {
			q.Position(run("db", fmt.Sprint(i)))
		}
	}
}
