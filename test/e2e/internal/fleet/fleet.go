// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/slots"
)

// ClusterLabel has the name of the cluster.
const ClusterLabel = "cluster.cpo.opensource.cybertec.at/name"

// Plan is what happens.
type Plan struct {
	// Clusters that are there at once. A third of them is made later.
	Clusters int
	// For how long things happen.
	For time.Duration
	// Resync of CPO.
	Resync time.Duration
	// Every so often something happens to a cluster, and somebody is killed.
	EventEvery, KillEvery time.Duration
	// Seed of what happens, and when.
	Seed uint64
}

// Fleet is the clusters and CPO.
type Fleet struct {
	Plan

	CPO *CPO

	kit  *kit.Kit
	logf func(string, ...any)
	rng  *rand.Rand
	wg   sync.WaitGroup

	mu       sync.Mutex
	clusters []*cluster     // guarded by mu, as all below
	periods  []slots.Period // that have ended
	counts   map[string]int // of events
	errs     []error
}

// New returns a Fleet in which nothing has happened.
func New(k *kit.Kit, plan Plan, logf func(string, ...any)) *Fleet {
	return &Fleet{
		Plan: plan, CPO: newCPO(k, plan.Resync, logf), kit: k, logf: logf,
		rng: rand.New(rand.NewPCG(plan.Seed, 12)), counts: map[string]int{}, //nolint:gosec // a test must be repeatable
	}
}

// Prepare makes the namespace, which CPO's pods must be able to use.
func (f *Fleet) Prepare(ctx context.Context) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.kit.Namespace}}
	if err := f.kit.Client.Create(ctx, ns); err != nil && !errors.IsAlreadyExists(err) {
		return err
	}
	return f.kit.TryApply(ctx, "alongside", "e2e-alongside", f.kit.Namespace)
}

// Play lets things happen, and returns when nothing is in progress any more.
func (f *Fleet) Play(ctx context.Context) {
	f.logf("seed %d: %d clusters for %s", f.Seed, f.Clusters, f.For)
	f.startSteady(ctx)
	for i := range f.Clusters {
		c := &cluster{name: fmt.Sprintf("cluster-%02d", i), pvc: i%4 == 3, expression: expressions[i%2], managed: true}
		f.clusters = append(f.clusters, c)
		if i%3 != 2 {
			f.start(ctx, c, "create", f.create)
		}
	}
	ends := time.Now().Add(f.For)
	nextEvent, nextKill := f.soon(2*f.EventEvery), f.soon(2*f.KillEvery)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for now := time.Now(); now.Before(ends) && ctx.Err() == nil; now = <-tick.C {
		if now.After(nextEvent) {
			f.event(ctx)
			nextEvent = f.soon(f.EventEvery)
		}
		if now.After(nextKill) {
			f.killSomebody(ctx)
			nextKill = f.soon(f.KillEvery)
		}
	}
	f.wg.Wait()
	f.endAll()
}

// startSteady makes a cluster that is there from the beginning to the end, and fires
// every minute. It changes hands and nothing else happens to it, so that both operators
// have slots in every play.
func (f *Fleet) startSteady(ctx context.Context) {
	steady := &cluster{name: "steady", expression: "* * * * *", managed: true, steady: true}
	f.clusters = append(f.clusters, steady)
	f.start(ctx, steady, "create", func(ctx context.Context, c *cluster) error {
		if err := f.create(ctx, c); err != nil {
			return err
		}
		for _, hand := range []action{f.awaitTaken, f.release, f.awaitJob, f.manage, f.awaitTaken} {
			if err := hand(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// soon is a moment about a while from now.
func (f *Fleet) soon(about time.Duration) time.Time {
	return time.Now().Add(about/2 + time.Duration(f.rng.Int64N(int64(about))))
}

// event lets something happen to a cluster, unless something is happening to it.
func (f *Fleet) event(ctx context.Context) {
	c := f.clusters[f.rng.IntN(len(f.clusters))]
	happens := happenings[f.rng.IntN(len(happenings))]
	f.mu.Lock()
	busy, exists, managed := c.busy || c.steady, c.exists, c.managed
	f.mu.Unlock()
	switch {
	case busy:
	case !exists:
		f.start(ctx, c, "create", f.create)
	case happens == changeHands && managed:
		f.start(ctx, c, "release", f.release)
	case happens == changeHands:
		f.start(ctx, c, "manage", f.manage)
	case happens == loseCronJob && !managed:
		// Nobody has the schedule until CPO makes the CronJob again.
	default:
		f.start(ctx, c, happens, map[string]action{
			"edit": f.edit, "restore": f.restore, "delete": f.remove, loseCronJob: f.deleteCronJob,
		}[happens])
	}
}

// happenings are equally likely.
var happenings = []string{"edit", "restore", changeHands, changeHands, "delete", loseCronJob}

const (
	changeHands = "change hands"
	loseCronJob = "delete the CronJob of"
)

type action func(context.Context, *cluster) error

// start lets something happen to a cluster, and notes that the cluster is busy.
func (f *Fleet) start(ctx context.Context, c *cluster, what string, do action) {
	f.mu.Lock()
	c.busy = true
	f.counts[what]++
	f.mu.Unlock()
	f.logf("%s %s %s", time.Now().UTC().Format(time.TimeOnly), what, c.name)
	f.wg.Go(func() {
		err := do(ctx, c)
		f.mu.Lock()
		defer f.mu.Unlock()
		c.busy = false
		if err != nil {
			f.errs = append(f.errs, fmt.Errorf("%s %s: %w", what, c.name, err))
		}
	})
}

// Periods are when which schedule was in force.
func (f *Fleet) Periods() []slots.Period {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.periods)
}

// Errors are what should have happened and has not.
func (f *Fleet) Errors() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.errs)
}

// Summary says how often what happened.
func (f *Fleet) Summary() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var texts []string
	for _, what := range slices.Sorted(maps.Keys(f.counts)) {
		texts = append(texts, fmt.Sprintf("%d %s", f.counts[what], what))
	}
	return strings.Join(texts, ", ")
}
