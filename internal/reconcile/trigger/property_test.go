// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
)

// server is an API server with one Stanza: every state that its status ever had, so that
// a cache may be late.
type server struct {
	*world
	random  *rand.Rand
	history [][]stanzaflowv1alpha1.TriggerStatus
	// deployments are the states of the Deployment, of which a cache may be late, too.
	deployments []trigger.Object
	recreated   int // the first state of the newest one that was created again
	pods        int
	chains      int // how many were checked
	replicas    []*replica
	// written are all causes that the API server ever had as pending, in their order, by
	// trigger.
	written map[string][]string
	// unnamed triggers had more causes at a time than have a name.
	unnamed map[string]bool
	// unneeded are the causes for which no run was needed.
	unneeded []string
}

// replica is one process of the operator. Each step ends with what it asks of the API
// server, so that it can die, or wait while others work, before the next one.
type replica struct {
	status, deployment int // how much of the history its caches have
	steps              []func() bool
}

const (
	coolingFailover = 10 * time.Minute
	coolingRelease  = time.Minute
)

func newServer(t testing.TB, seed uint64, replicas int, maxAge time.Duration) *server {
	t.Helper()
	of := release(t)
	of.Cooldown, of.MaxAge = coolingRelease, maxAge
	on := failover()
	on.Cooldown = coolingFailover
	s := &server{world: newWorld(t, on, of, plan.Trigger{Name: "restored", Event: stanzaflowv1alpha1.OnRestore, Type: cpo.Full, Repo: "repo1"})}
	s.random = rand.New(rand.NewPCG(20261129, seed))
	s.history, s.written = [][]stanzaflowv1alpha1.TriggerStatus{nil}, map[string][]string{}
	s.unnamed = map[string]bool{}
	s.deployments = []trigger.Object{deployment("web", "uid-1", 1, "shop:1")}
	s.in.Cluster.Operation = cpo.Operation{Status: "Running", Restored: "r0"}
	for range replicas {
		s.replicas = append(s.replicas, &replica{})
	}
	return s
}

func (s *server) newest() int { return len(s.history) - 1 }

// begin starts a pass of a replica: it reads, decides, and puts its writes on its list.
func (s *server) begin(r *replica, late bool) {
	// Which of two UIDs is the newer one nobody can tell, and a cache that is so late costs
	// a backup.
	r.status, r.deployment = s.later(r.status, s.newest(), late), s.later(max(r.deployment, s.recreated), len(s.deployments)-1, late)
	in := s.in
	in.Before, in.Seen.Objects = stored(s.t, s.history[r.status]), map[string][]trigger.Object{"release": {s.deployments[r.deployment]}}
	in.Existing = map[string]*wfv1.Workflow{}
	for _, name := range trigger.Pending(cluster, in.Before) {
		if there := s.workflows[name]; there != nil {
			in.Existing[name] = there
		}
	}
	version := r.status
	decision := trigger.Decide(in)
	after := decision.After
	r.steps = nil
	for _, start := range decision.Start {
		var run *wfv1.Workflow
		r.steps = append(r.steps,
			func() bool { return s.newest() == version }, // is the Stanza still the same?
			func() bool { run = s.create(start); return true },
			func() bool { after = trigger.Fired(after, start, run); return true })
	}
	r.steps = append(r.steps, func() bool { s.write(version, after); return true })
}

// later is how much of a history a cache has by now.
func (s *server) later(known, newest int, late bool) int {
	if !late {
		return newest
	}
	return known + s.random.IntN(newest-known+1)
}

// write is the one write of the status, which the API server refuses if there was
// another one since.
func (s *server) write(version int, after []stanzaflowv1alpha1.TriggerStatus) {
	before := s.history[s.newest()]
	if s.newest() != version || fmt.Sprint(stored(s.t, before)) == fmt.Sprint(stored(s.t, after)) {
		return
	}
	for _, now := range after {
		was := find(before, now.Name)
		if now.Result == stanzaflowv1alpha1.TriggerNotNeeded && !now.LastFiredTime.Equal(was.LastFiredTime) {
			s.unneeded = append(s.unneeded, now.Causes...)
			s.writeAhead(now.Name, now.Causes)
		}
		if now.Pending != nil {
			s.writeAhead(now.Name, now.Pending.Causes)
		}
	}
	s.history = append(s.history, stored(s.t, after))
}

func (s *server) writeAhead(trigger string, causes []string) {
	for _, cause := range causes {
		if strings.HasPrefix(cause, "and ") {
			s.unnamed[trigger] = true
		} else if !slices.Contains(s.written[trigger], cause) {
			s.written[trigger] = append(s.written[trigger], cause)
		}
	}
}

func find(triggers []stanzaflowv1alpha1.TriggerStatus, name string) stanzaflowv1alpha1.TriggerStatus {
	for _, t := range triggers {
		if t.Name == name {
			return t
		}
	}
	return stanzaflowv1alpha1.TriggerStatus{}
}

// happen lets something happen in the cluster.
func (s *server) happen() {
	switch s.random.IntN(8) {
	case 0, 1: // never the same pod twice, so that every cause has a text of its own
		s.pods++
		primary(fmt.Sprintf("orders-%d", s.pods))(s.world)
	case 2:
		last := s.deployments[len(s.deployments)-1]
		uid, image := last.UID, fmt.Sprintf("shop:%d", s.random.IntN(3))
		if s.random.IntN(6) == 0 {
			uid, s.recreated = fmt.Sprintf("uid-%d", len(s.deployments)), len(s.deployments)
		}
		s.deployments = append(s.deployments, deployment("web", uid, last.Generation+1, image))
	case 3:
		s.in.Cluster.Operation.Restored = fmt.Sprintf("r%d", s.random.IntN(1_000_000))
	case 4:
		s.in.Hold = []string{"", "", "suspended by spec.suspend of the Stanza"}[s.random.IntN(3)]
	case 5:
		s.in.Seen.Primary.Ready = s.random.IntN(3) > 0
	case 6:
		if len(s.created) > 0 {
			s.end([]stanzaflowv1alpha1.RunResult{stanzaflowv1alpha1.RunSucceeded, stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld}[s.random.IntN(3)], "")
		}
	case 7:
		s.in.Now = s.in.Now.Add([]time.Duration{0, time.Second, 5 * time.Second, 30 * time.Second, 7 * time.Minute}[s.random.IntN(5)])
	}
}

// play lets the cluster and the replicas work in any order, and then come to rest.
func (s *server) play(steps int) {
	s.begin(s.replicas[0], false)
	for _, step := range s.replicas[0].steps {
		step()
	}
	for range steps {
		r := s.replicas[s.random.IntN(len(s.replicas))]
		switch s.random.IntN(10) {
		case 0, 1, 2:
			s.happen()
		case 3: // the replica dies, and the next one lists everything again
			*r = replica{status: s.newest(), deployment: len(s.deployments) - 1}
		default:
			if len(r.steps) == 0 {
				s.begin(r, true)
			} else if next := r.steps[0]; next() {
				r.steps = r.steps[1:]
			} else {
				r.steps = nil
			}
		}
	}
	s.rest()
}

// rest ends all that is in the way, and lets one replica look for a day.
func (s *server) rest() {
	s.in.Hold, s.in.Seen.Primary.Ready = "", true
	r := s.replicas[0]
	for range 200 {
		s.begin(r, false)
		for _, step := range r.steps {
			if !step() {
				break
			}
		}
		for i := range s.in.Runs {
			if s.in.Runs[i].Status.Result == stanzaflowv1alpha1.RunRunning {
				s.in.Runs[i].Status.Result = stanzaflowv1alpha1.RunSucceeded
			}
		}
		s.in.Now = s.in.Now.Add(time.Minute)
	}
}

// TestEachCauseHasOneRun plays random worlds: the operator dies between any two of its
// writes, its caches are late, a second one works at the same time, and causes arrive at
// any moment.
func TestEachCauseHasOneRun(t *testing.T) {
	t.Parallel()
	runs, causes, unneeded, chains := 0, 0, 0, 0
	for seed := range uint64(150) {
		replicas, maxAge := 2, time.Duration(0)
		if seed%3 == 0 { // Two replicas may differ about what is young enough, which costs a backup.
			replicas, maxAge = 1, 5*time.Minute
		}
		s := newServer(t, seed, replicas, maxAge)
		s.play(400)
		s.check(seed)
		runs, causes, unneeded, chains = runs+len(s.created), causes+len(s.causes()), unneeded+len(s.unneeded), chains+s.chains
		if t.Failed() {
			return
		}
	}
	t.Logf("%d runs for %d causes, %d causes that needed none, %d whole chains", runs, causes, unneeded, chains)
	if runs < 1000 || causes < runs+100 || unneeded < 10 || chains < 200 {
		t.Error("too little has happened")
	}
}

// causes of all runs, and those that needed none.
func (s *server) causes() []string {
	all := slices.Clone(s.unneeded)
	for _, run := range s.created {
		all = append(all, causesOf(s.t, run)...)
	}
	return all
}

func (s *server) check(seed uint64) {
	s.t.Helper()
	fail := func(format string, args ...any) {
		s.t.Errorf("seed %d: %s\nruns:\n  %s\nwritten: %q\nstatus: %+v", seed, fmt.Sprintf(format, args...), strings.Join(s.runs(), "\n  "), s.written, s.history[s.newest()])
	}
	times := map[string]int{}
	for _, cause := range s.causes() {
		times[cause]++
	}
	for name, causes := range s.written {
		for _, cause := range causes {
			if times[cause] != 1 {
				fail("the cause %q of %s has %d runs", cause, name, times[cause])
			}
			delete(times, cause)
		}
	}
	for cause := range times {
		if strings.HasPrefix(cause, "and ") {
			continue
		}
		fail("a run was started for the cause %q, which was never written ahead", cause)
	}
	last := map[string]time.Time{}
	for _, run := range s.created {
		name := run.Labels["stanzaflow.dev/trigger"]
		if len(causesOf(s.t, run)) == 0 {
			fail("%s has no cause", run.Name)
		}
		cooldown := map[string]time.Duration{"failover": coolingFailover, "release": coolingRelease}[name]
		if at := run.CreationTimestamp.Time; at.Sub(last[name]) < cooldown {
			fail("%s was started %s after the one before", run.Name, at.Sub(last[name]))
		}
		last[name] = run.CreationTimestamp.Time
	}
	for _, status := range s.history[s.newest()] {
		if status.Pending != nil {
			fail("%s is still pending", status.Name)
		}
	}
	s.checkChain(fail, "failover", "the primary is %s", "orders-0", s.in.Seen.Primary.Pod)
	s.checkChain(fail, "restored", "restore %s is done", "r0", s.in.Cluster.Operation.Restored)
}

// checkChain checks that no change is missing among the causes: each begins where the
// one before ended.
func (s *server) checkChain(fail func(string, ...any), name, format, from, to string) {
	s.t.Helper()
	if s.unnamed[name] {
		return
	}
	s.chains++
	for _, cause := range s.written[name] {
		text, before, _ := strings.Cut(cause, ", before ")
		var now string
		if _, err := fmt.Sscanf(text, format, &now); err != nil {
			fail("cannot read the cause %q: %v", cause, err)
		}
		if before != from {
			fail("the cause %q begins at %s, want %s", cause, before, from)
		}
		from = now
	}
	if from != to {
		fail("the causes of %s end at %s, want %s", name, from, to)
	}
}
