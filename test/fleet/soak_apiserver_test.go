//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mostGrowth is how much more the last quarter may have than the first: less is noise of
// the garbage collector.
const mostGrowth = 1.25

// soak is a fleet that changes while programs are killed.
type soak struct {
	*fleet

	operator *operator
	argo     *argo
	node     *node
	rng      *rand.Rand
	begin    time.Time
	// expected is the schedule incr that was last written into each cluster.
	expected []string
	// touched are the clusters whose schedule was changed in the soak.
	touched map[int]bool
	samples []soakSample
	changed int
	// killed counts the kills of the operator, of the API server, and of Argo.
	killed, killedServer, killedArgo int
}

// soakSample is what the operator has at one moment.
type soakSample struct {
	at time.Time
	// start is the number of its process.
	start int
	// resident memory, what a garbage collection leaves, both in bytes, and goroutines.
	resident, live, goroutines float64
}

// soak has every cluster make a backup again and again, with Argo's own controller, and
// changes the schedules of one per cent of the clusters each minute. The operator, the API server
// and Argo are killed at random, in the first half only, so that what leaks has the second
// half to show. At the end no change and no run may be lost, and nothing may have grown.
func (f *fleet) soak(b *testing.B, o *operator, _ *result) bool {
	b.Helper()
	if *soaking == 0 {
		return true
	}
	number := *seed
	if number == 0 {
		number = uint64(time.Now().UnixNano())
	}
	say("%d clusters: soak for %s, SEED=%d", f.clusters, *soaking, number)
	s := &soak{fleet: f, operator: o, rng: rand.New(rand.NewPCG(number, 17)), expected: make([]string, f.clusters), touched: map[int]bool{}}
	s.argo, s.node = startArgo(b, f.server), startNode(b, f.server)
	for i := range f.clusters {
		s.set(b, i, s.every(i))
	}
	s.begin = time.Now()
	if !s.play(b) {
		return false
	}
	end := time.Now()
	say("%d clusters: soak: %d changes made, the operator killed %d times, the API server %d times, Argo %d times", f.clusters, s.changed, s.killed, s.killedServer, s.killedArgo)
	s.judgeChanges(b)
	shown := s.stanzas(b)
	if !s.drain(b) {
		return false
	}
	s.judgeRuns(b, end, shown)
	s.judgeGrowth(b)
	return s.judgeFresh(b)
}

// drain has no schedule fire any more, waits for the runs that have begun, and ends Argo.
func (s *soak) drain(b *testing.B) bool {
	b.Helper()
	say("%d clusters: soak: waiting until no run is left", s.clusters)
	for i := range s.clusters {
		s.set(b, i, fmt.Sprintf("%d 0 29 2 *", i%60))
	}
	s.judgeChanges(b)
	for end := time.Now().Add(5 * time.Minute); ; {
		unfinished := s.unfinished(b)
		if len(unfinished) == 0 {
			break
		}
		if time.Now().After(end) {
			b.Errorf("five minutes after the last schedule %d runs have not ended, such as %s", len(unfinished), unfinished[0])
			break
		}
		if !s.pauseAlive(b, s.operator, time.Second) {
			return false
		}
	}
	s.node.end()
	s.argo.kill()
	_, alive := s.awaitQuiet(b, s.operator, "soak")
	return alive
}

// play makes the changes and the kills. Each has its next moment.
func (s *soak) play(b *testing.B) bool {
	b.Helper()
	minute := min(time.Minute, *soaking/20)
	between := minute * 100 / time.Duration(s.clusters)
	nextChange, nextSample := s.begin, s.begin.Add(minute)
	nextKill, nextServer, nextArgo := s.begin.Add(s.upTo(4*minute)), s.begin.Add(s.upTo(4*minute)), s.begin.Add(s.upTo(4*minute))
	end, half := s.begin.Add(*soaking), s.begin.Add(*soaking/2)
	for now := s.begin; now.Before(end); now = time.Now() {
		switch {
		case now.After(nextServer) && now.Before(half):
			s.killServer(b)
			nextServer = time.Now().Add(s.upTo(12 * minute))
		case now.After(nextKill) && now.Before(half):
			s.killed++
			s.operator.kill()
			s.operator.start(b)
			nextKill = time.Now().Add(s.upTo(8 * minute))
		case now.After(nextArgo) && now.Before(half):
			s.killedArgo++
			s.argo.kill()
			s.argo.start(b)
			nextArgo = time.Now().Add(s.upTo(8 * minute))
		case now.After(nextSample):
			s.sample()
			nextSample = now.Add(minute)
		case now.After(nextChange):
			s.changeOne(b)
			nextChange = nextChange.Add(between)
		default:
			pause(s.ctx, b, min(between, 100*time.Millisecond))
		}
		s.argo.revive(b)
		if !s.operator.revive(b) {
			return false
		}
	}
	return true
}

// upTo is a random time, and not nothing.
func (s *soak) upTo(d time.Duration) time.Duration {
	return d/8 + time.Duration(s.rng.Int64N(int64(d)))
}

// apart is the time between two slots of a cluster: an hour, or a half or a third of one if
// that makes a thousand runs an hour at most. For each Argo reads the WorkflowTemplate some
// thirty times, and two processors have to do all of it.
func (s *soak) apart() time.Duration {
	return time.Hour / time.Duration(max(1, min(3, 1000/s.clusters)))
}

// every is a schedule with such slots from a minute on.
func (s *soak) every(minute int) string {
	apart := int(s.apart().Minutes())
	var minutes []string
	for minute %= apart; minute < 60; minute += apart {
		minutes = append(minutes, strconv.Itoa(minute))
	}
	return strings.Join(minutes, ",") + " * * * *"
}

// changeOne changes the minutes at which a cluster makes its backups.
func (s *soak) changeOne(b *testing.B) {
	b.Helper()
	i := s.rng.IntN(s.clusters)
	s.set(b, i, s.every(s.rng.IntN(60)))
	s.touched[i] = true
	s.changed++
}

// set changes the schedule incr of a cluster, and tries until the API server has said yes.
func (s *soak) set(b *testing.B, i int, expression string) {
	b.Helper()
	for s.setIncr(i, expression) != nil {
		if s.ctx.Err() != nil {
			b.Fatal("interrupted")
		}
		pause(s.ctx, b, 200*time.Millisecond)
	}
	s.expected[i] = expression
}

// sample asks the operator, unless it waits for its lease or still reads everything.
func (s *soak) sample() {
	passes, err := s.operator.read("controller_runtime_reconcile_total")
	if err != nil || passes < float64(s.clusters) {
		return
	}
	live, err := s.operator.read("go_memstats_next_gc_bytes")
	if err != nil {
		return
	}
	goroutines, err := s.operator.read("go_goroutines")
	if err != nil {
		return
	}
	one := soakSample{time.Now(), s.operator.starts, float64(s.operator.memory().resident), live, goroutines}
	s.samples = append(s.samples, one)
	ended, _ := s.node.sofar()
	fmt.Printf("MEASURED soak, minute %.0f: %s resident, next collection at %s, %.0f goroutines, %d changes, %d runs, %d kills\n", time.Since(s.begin).Minutes(),
		mebibytes(int64(one.resident)), mebibytes(int64(one.live)), one.goroutines, s.changed, ended, s.killed+s.killedServer+s.killedArgo)
}
