// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/slots"
)

// expressions fire at even and at odd minutes, so that not all runs start at once.
var expressions = []string{"*/2 * * * *", "1-59/2 * * * *"}

// around is how far from a slot a schedule must change for the slot to count. Kubernetes
// and Argo may start a slot some seconds late, by the schedule that they see then.
const around = 15 * time.Second

// cluster is one cluster of the fleet.
type cluster struct {
	name string
	pvc  bool
	// steady: nothing happens to it by chance.
	steady     bool
	expression string

	// Guarded by the mutex of the fleet.
	busy, exists, managed bool
	// since the schedule is in force; zero if it is not.
	since time.Time
	// restores is how many were made.
	restores int
}

// begin notes that the schedule of a cluster is in force.
func (f *Fleet) begin(c *cluster) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.since = time.Now().Add(around)
}

// end notes that it is in force no more, or may be another one.
func (f *Fleet) end(c *cluster) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endAt(c, time.Now().Add(-around))
}

func (f *Fleet) endAt(c *cluster, at time.Time) {
	if !c.since.IsZero() && at.After(c.since) {
		f.periods = append(f.periods, slots.Period{
			Backup: slots.Backup{Cluster: c.name, Repo: "repo1", Type: "incr"}, Expression: c.expression, From: c.since, To: at,
		})
	}
	c.since = time.Time{}
}

// endAll ends every period. What was started before continues.
func (f *Fleet) endAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.clusters {
		f.endAt(c, time.Now().Add(-around))
	}
}
