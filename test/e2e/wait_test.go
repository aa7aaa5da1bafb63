// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// eventually waits for a condition, and prints what was there instead.
func eventually(t testing.TB, deadline time.Duration, what string, condition func() (bool, string)) {
	t.Helper()
	began := time.Now()
	done, got := soon(deadline, condition)
	waits.add(t, what, time.Since(began))
	if !done {
		t.Fatalf("after %s still not: %s\ngot: %s", deadline, what, got)
	}
}

// soon is eventually that does not fail the test. It asks less often the longer it
// waits: to ask in a pod costs more CPU than most of what is waited for.
func soon(deadline time.Duration, condition func() (bool, string)) (bool, string) {
	return poll(deadline, condition, func(waited time.Duration) time.Duration {
		return min(max(waited/10, often), time.Second)
	})
}

// watch is soon for a moment that passes.
func watch(deadline time.Duration, condition func() (bool, string)) (bool, string) {
	return poll(deadline, condition, func(time.Duration) time.Duration { return often })
}

// often is as often as there is something to see.
const often = 200 * time.Millisecond

func poll(deadline time.Duration, condition func() (bool, string), pause func(waited time.Duration) time.Duration) (bool, string) {
	for began := time.Now(); ; {
		done, got := condition()
		waited := time.Since(began)
		if done || waited > deadline {
			return done, got
		}
		<-time.After(pause(waited))
	}
}

// waits sums up what each story has waited for.
var waits = waited{sums: map[string]map[string]time.Duration{}}

type waited struct {
	mu   sync.Mutex
	sums map[string]map[string]time.Duration // by name of a test; guarded by mu
}

// instance is what differs each time in the text of a wait.
var instance = regexp.MustCompile(`\b(workflow|pod|segment|namespace) \S+`)

func (w *waited) add(t testing.TB, what string, took time.Duration) {
	t.Helper()
	what, _, _ = strings.Cut(what, " answers ") // and the statement
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sums[t.Name()] == nil {
		w.sums[t.Name()] = map[string]time.Duration{}
	}
	w.sums[t.Name()][instance.ReplaceAllString(what, "$1")] += took
}

// of lists the three longest waits of a story and of the tests below it.
func (w *waited) of(story string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	sums := map[string]time.Duration{}
	for name, some := range w.sums {
		below := strings.TrimPrefix(name, "TestStories/")
		if below == story || strings.HasPrefix(below, story+"/") {
			for what, took := range some {
				sums[what] += took
			}
		}
	}
	longest := slices.SortedFunc(maps.Keys(sums), func(a, b string) int { return int(sums[b] - sums[a]) })
	var texts []string
	for _, what := range longest[:min(3, len(longest))] {
		texts = append(texts, fmt.Sprintf("%s %.0f s", what, sums[what].Seconds()))
	}
	return strings.Join(texts, ", ")
}

// cpuTime is what all processors have done since the machine started, in ticks.
type cpuTime struct{ busy, all float64 }

// readCPU returns zeros where there is no such file.
func readCPU() cpuTime {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := bytes.Cut(b, []byte("\n"))
	var c cpuTime
	for i, field := range bytes.Fields(line) {
		n, err := strconv.ParseFloat(string(field), 64)
		if err != nil || i > 8 { // The first is a name; those of guests count twice.
			continue
		}
		c.all += n
		if i != 4 && i != 5 { // idle, iowait
			c.busy += n
		}
	}
	return c
}

// busySince is a percentage.
func (c cpuTime) busySince(before cpuTime) float64 {
	return 100 * (c.busy - before.busy) / max(c.all-before.all, 1)
}
