//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// mostGrowth is how much more the last quarter may have than the first: less is noise of
// the garbage collector.
const mostGrowth = 1.25

// soak is a fleet that changes while programs are killed.
type soak struct {
	*fleet

	operator *operator
	rng      *rand.Rand
	begin    time.Time
	// expected is the schedule incr of each cluster that was changed.
	expected map[int]string
	samples  []soakSample
	changed  int
	// killed counts the kills of the operator and of the API server.
	killed, killedServer int
}

// soakSample is what the operator has at one moment.
type soakSample struct {
	at time.Time
	// start is the number of its process.
	start int
	// resident memory, what a garbage collection leaves, both in bytes, and goroutines.
	resident, live, goroutines float64
}

// soak changes one per cent of the clusters each minute. The operator and the API server
// are killed at random, in the first half only, so that what leaks has the second half to
// show. At the end no change may be lost, and nothing may have grown.
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
	s := &soak{fleet: f, operator: o, rng: rand.New(rand.NewPCG(number, 17)), begin: time.Now(), expected: map[int]string{}}
	if !s.play(b) {
		return false
	}
	say("%d clusters: soak: %d changes made, the operator killed %d times, the API server %d times; waiting until it is quiet", f.clusters, s.changed, s.killed, s.killedServer)
	if _, alive := f.awaitQuiet(b, o, "soak"); !alive {
		return false
	}
	s.judgeChanges(b)
	s.judgeGrowth(b)
	return s.judgeFresh(b)
}

// play makes the changes and the kills. Each has its next moment.
func (s *soak) play(b *testing.B) bool {
	b.Helper()
	minute := min(time.Minute, *soaking/20)
	between := minute * 100 / time.Duration(s.clusters)
	nextChange, nextSample := s.begin, s.begin.Add(minute)
	nextKill, nextServer := s.begin.Add(s.upTo(4*minute)), s.begin.Add(s.upTo(4*minute))
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
		case now.After(nextSample):
			s.sample()
			nextSample = now.Add(minute)
		case now.After(nextChange):
			s.changeOne(b)
			nextChange = nextChange.Add(between)
		default:
			pause(s.ctx, b, min(between, 100*time.Millisecond))
		}
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

// changeOne changes a cluster, and tries until the API server has said yes.
func (s *soak) changeOne(b *testing.B) {
	b.Helper()
	i := s.rng.IntN(s.clusters)
	expression := fmt.Sprintf("%d %d 29 2 *", s.rng.IntN(60), s.rng.IntN(24))
	for {
		err := s.setIncr(i, expression)
		if err == nil {
			break
		}
		if s.ctx.Err() != nil {
			b.Fatal("interrupted")
		}
		pause(s.ctx, b, 200*time.Millisecond)
	}
	s.expected[i] = expression
	s.changed++
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
	fmt.Printf("MEASURED soak, minute %.0f: %s resident, next collection at %s, %.0f goroutines, %d changes, %d kills\n", time.Since(s.begin).Minutes(),
		mebibytes(int64(one.resident)), mebibytes(int64(one.live)), one.goroutines, s.changed, s.killed+s.killedServer)
}

// judgeChanges compares every schedule with what was last written into its cluster.
func (s *soak) judgeChanges(b *testing.B) {
	b.Helper()
	lost := 0
	for n := range s.namespaces() {
		list := object.NewList(object.CronWorkflow)
		s.list(b, list, "cronworkflows", n)
		crons := map[string]int{}
		for at := range list.Items {
			crons[list.Items[at].GetName()] = at
		}
		for i := n * clustersInNamespace; i < n*clustersInNamespace+s.inNamespace(n); i++ {
			for _, backupType := range []string{"full", "diff", "incr"} {
				at, exists := crons[cronName(i, backupType)]
				want := s.expected[i]
				if exists && (backupType != "incr" || want == "" || hasSchedule(&list.Items[at], want)) {
					continue
				}
				lost++
				b.Errorf("lost: CronWorkflow %s/%s exists: %v; its cluster has schedule %q", namespaceOf(i), cronName(i, backupType), exists, want)
			}
		}
	}
	fmt.Printf("MEASURED soak: %d changes of %d clusters, %d lost\n", s.changed, len(s.expected), lost)
}

// longest returns the samples of the process that lived longest, without the first two.
func (s *soak) longest() (longest []soakSample) {
	lives := map[int][]soakSample{}
	for _, one := range s.samples {
		lives[one.start] = append(lives[one.start], one)
		if len(lives[one.start]) > len(longest) {
			longest = lives[one.start]
		}
	}
	return longest[min(2, len(longest)):]
}

// judgeGrowth compares the first quarter of the longest life with the last.
func (s *soak) judgeGrowth(b *testing.B) {
	b.Helper()
	life := s.longest()
	if len(life) < 4 {
		b.Errorf("no process of the soak has lived long enough to see growth: it has %d samples", len(life))
		return
	}
	for _, what := range []struct {
		name string
		of   func(soakSample) float64
	}{
		{"resident memory", func(one soakSample) float64 { return one.resident }},
		{"memory after a garbage collection", func(one soakSample) float64 { return one.live }},
		{"goroutines", func(one soakSample) float64 { return one.goroutines }},
	} {
		var values []float64
		for _, one := range life {
			values = append(values, what.of(one))
		}
		quarter := len(values) / 4
		first, last := median(values[:quarter]), median(values[len(values)-quarter:])
		hours := life[len(life)-1].at.Sub(life[0].at).Hours()
		fmt.Printf("MEASURED soak: %s, median of the first quarter %.0f, of the last %.0f, ratio %.2f, %+.1f %% an hour\n",
			what.name, first, last, last/first, (last/first-1)*100/hours)
		if last > first*mostGrowth {
			b.Errorf("%s has grown by %.0f %%", what.name, (last/first-1)*100)
		}
	}
}

// judgeFresh starts a process that knows nothing: it must find every object as it would
// translate it, so it writes nothing.
func (s *soak) judgeFresh(b *testing.B) bool {
	b.Helper()
	s.operator.stop()
	before := s.requests(b)
	s.operator.start(b)
	if _, alive := s.awaitQuiet(b, s.operator, "a fresh process"); !alive {
		return false
	}
	added := s.requests(b).since(before).withoutElection()
	fmt.Printf("MEASURED soak: a fresh process makes %.0f writes\n", added.writes())
	if added.writes() > 0 {
		b.Errorf("after the soak a fresh process writes:\n%s", added.each(s.clusters))
	}
	return true
}
