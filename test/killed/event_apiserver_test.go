//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package killed

import (
	"fmt"
	"math/rand/v2"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// event is what happens in a trial.
type event struct {
	name string
	// trigger that must fire, as in the status of the Stanza.
	trigger string
	// fresh events happen to a cluster that does not exist yet.
	fresh bool
	// happen does it. It returns how many causes there can be at most.
	happen func(tr *trial) int
}

// events have their turn one after the other.
var events = []event{
	{name: "new cluster", trigger: "initial-repo1", fresh: true, happen: func(tr *trial) int {
		tr.createCluster()
		return 1
	}},
	{name: "one change", trigger: "release", happen: func(tr *trial) int {
		tr.change(1)
		return 1
	}},
	{name: "failover", trigger: "failover", happen: func(tr *trial) int {
		tr.failOver("shop-0", "shop-1")
		return 1
	}},
	{name: "several changes", trigger: "release", happen: func(tr *trial) int {
		n := 2 + tr.rng.IntN(3)
		for i := range n {
			tr.change(i + 1)
			pause(tr.Context(), tr.upTo(4*time.Second))
		}
		return n
	}},
	{name: "repo added", trigger: "initial-repo2", happen: func(tr *trial) int {
		postgresql := tr.postgresql()
		first := reconciletest.Repo1(postgresql)
		second := map[string]any{"name": "repo2", "storage": cpo.StorageS3, "resource": "other-backups", "endpoint": first["endpoint"], "region": first["region"]}
		reconciletest.SetRepos(postgresql, first, second)
		tr.update(postgresql)
		return 1
	}},
	{name: "failover and back", trigger: "failover", happen: func(tr *trial) int {
		tr.failOver("shop-0", "shop-1")
		// There and back while nobody looks is no cause: the same pod is the primary.
		tr.await("the failover is seen", func() error {
			observed := tr.trigger("failover").Observed
			if len(observed) != 1 || observed[0].Version != "shop-1" {
				return fmt.Errorf("observed is %v", observed)
			}
			return nil
		})
		pause(tr.Context(), tr.upTo(6*time.Second))
		tr.failOver("shop-1", "shop-0")
		return 2
	}},
}

func eventOf(seed uint64) event { return events[seed%uint64(len(events))] }

// change gives the Deployment another image, and notes when.
func (tr *trial) change(n int) {
	tr.Helper()
	tr.patch(tr.deployment(), fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"registry.example.com/web:v%d"}]}}}}`, n+1))
	tr.happened = time.Now()
}

// failOver moves the role of the primary, as Patroni does: first away from the old one.
func (tr *trial) failOver(from, to string) {
	tr.Helper()
	role := func(pod, role string) {
		tr.patch(tr.pod(pod), fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, cpo.LabelRole, role))
	}
	role(from, "replica")
	pause(tr.Context(), tr.upTo(300*time.Millisecond))
	role(to, cpo.RolePrimary)
	tr.happened = time.Now()
}

// write is one of the operator.
type write struct {
	// path is a part of its path, and left how many such writes come before it.
	path string
	left int
	// carriedOut is true if the API server carries it out. The operator never learns that.
	carriedOut bool
}

// The writes that matter: what a trigger remembers, and what it starts.
const (
	writesStanza   = "/stanzas"
	createsRun     = "/workflows"
	mostWritesLeft = 4
)

// moment is when the operator is killed: some time after the event begins, which may be
// before it, or at a write of the operator.
type moment struct {
	after time.Duration
	// write at which it is killed, nil if time decides.
	write *write
	// replica starts the next process before this one is killed.
	replica bool
}

func (m moment) String() string {
	if m.write != nil {
		return fmt.Sprintf("at a write: %+v", *m.write)
	}
	return fmt.Sprintf("after %s, the next process before: %v", m.after.Round(time.Millisecond), m.replica)
}

// pickMoment picks one. A trigger waits for 5 s before it starts its run, so that is
// where most of the moments are.
func pickMoment(rng *rand.Rand) moment {
	switch carriedOut := rng.IntN(2) == 0; rng.IntN(4) {
	case 0:
		return moment{write: &write{writesStanza, rng.IntN(mostWritesLeft), carriedOut}}
	case 1:
		return moment{write: &write{createsRun, 0, carriedOut}}
	}
	return moment{after: time.Duration(rng.Int64N(int64(9*time.Second))) - time.Second, replica: rng.IntN(3) == 0}
}

// upTo returns a random time.
func (tr *trial) upTo(most time.Duration) time.Duration {
	return time.Duration(tr.rng.Int64N(int64(most)))
}

// patch changes an object as somebody else.
func (tr *trial) patch(o client.Object, body string) {
	tr.Helper()
	if err := tr.server.client.Patch(tr.Context(), o, client.RawPatch("application/merge-patch+json", []byte(body))); err != nil {
		tr.Error(err)
	}
}
