// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package wait

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// waits holds what every test has waited for.
var waits = struct {
	sync.Mutex
	sums map[string]map[string]time.Duration // by name of a test; guarded by the mutex
}{sums: map[string]map[string]time.Duration{}}

// instance matches what differs each time in the text of a wait.
var instance = regexp.MustCompile(`\b(workflow|pod|segment|namespace) \S+`)

// Note adds the time that a test has waited for something.
func Note(t testing.TB, what string, took time.Duration) {
	t.Helper()
	what, _, _ = strings.Cut(what, " answers ") // Drop the statement.
	waits.Lock()
	defer waits.Unlock()
	if waits.sums[t.Name()] == nil {
		waits.sums[t.Name()] = map[string]time.Duration{}
	}
	waits.sums[t.Name()][instance.ReplaceAllString(what, "$1")] += took
}

// Longest lists the three longest waits of a test and of its subtests.
func Longest(test string) string {
	waits.Lock()
	defer waits.Unlock()
	sums := map[string]time.Duration{}
	for name, some := range waits.sums {
		if name == test || strings.HasPrefix(name, test+"/") {
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
