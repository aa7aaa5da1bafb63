// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package ladder chooses which stories of the cluster tests run, and in which order:
// those of every day, or all, or as many as fit into a time. It reads no clock and no
// cluster.
package ladder

import (
	"cmp"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Story is one thing that only a real cluster can prove.
type Story struct {
	// Name is unique. A prefix up to a slash groups stories.
	Name string
	// Everyday stories are those of make test. make test-full runs all.
	Everyday bool
	// Alone stories change what others need: the operator, Argo, a daemon.
	Alone bool
	// Lane is a queue: its stories run one after the other. A story without a lane waits
	// for no other.
	Lane string
	// Touches are the paths of the checkout that the story tests most: a file, or a
	// folder with a slash at its end.
	Touches []string
	// Takes is how long the story takes beside others on two cores.
	Takes time.Duration
}

// Options of a choice.
type Options struct {
	// Everyday chooses the stories of every day, and always runs them.
	Everyday bool
	// Only limits the choice to names that match. Nil matches all.
	Only *regexp.Regexp
	// Changed are the paths that the change touches.
	Changed []string
	// Key says what is tested: program, cluster and tests.
	Key string
	// Passes of earlier runs, of any key.
	Passes []Pass
	// Force repeats what has passed with the same key.
	Force bool
	// Seed orders stories that nothing else orders.
	Seed uint64
	// For is the time for all stories; 0 is no limit.
	For time.Duration
	// Workers is how many stories run at the same time.
	Workers int
}

// Choice has every story once, except those that Only excludes.
type Choice struct {
	// Run is in the order in which the stories begin.
	Run []Story
	// Passed have passed with the same key and are not repeated.
	Passed []Story
	// Left do not fit into the time.
	Left []Story
}

// Choose puts stories that the change touches first, then those that have passed least
// recently.
func Choose(stories []Story, o Options) Choice {
	var c Choice
	last := latest(o.Passes)
	var due []Story
	for _, s := range stories {
		pass, ever := last[s.Name]
		if ever {
			s.Takes = pass.took()
		}
		switch {
		case o.Only != nil && !o.Only.MatchString(s.Name), o.Everyday && !s.Everyday:
		case !o.Everyday && !o.Force && passedWith(o.Passes, s.Name, o.Key):
			c.Passed = append(c.Passed, s)
		default:
			due = append(due, s)
		}
	}
	order(due, last, o)
	c.Run, c.Left = fit(due, o.For, max(o.Workers, 1))
	return c
}

// order sorts for a run that may be cut short. Stories of every day all run: there the
// longest comes first, so that the whole ends soonest.
func order(due []Story, last map[string]Pass, o Options) {
	dice := map[string]uint64{}
	for _, s := range due {
		dice[s.Name] = Random(s.Name, o.Seed).Uint64()
	}
	slices.SortFunc(due, func(a, b Story) int {
		if o.Everyday {
			return cmp.Or(cmp.Compare(b.Takes, a.Takes), cmp.Compare(a.Name, b.Name))
		}
		return cmp.Or(
			-compareBool(a.touched(o.Changed), b.touched(o.Changed)),
			last[a.Name].At.Compare(last[b.Name].At),
			cmp.Compare(dice[a.Name], dice[b.Name]),
		)
	})
}

// fit takes stories in their order as long as they fit into the time. Lanes run beside
// each other; stories that must be alone come after them.
func fit(due []Story, budget time.Duration, workers int) (run, left []Story) {
	var alone time.Duration
	lanes := map[string]time.Duration{"": 0}
	for _, s := range due {
		takes, longest := s.Takes, slices.Max(slices.Collect(maps.Values(lanes)))
		switch {
		case s.Alone:
			takes += alone + longest
		case s.Lane == "":
			takes = takes/time.Duration(workers) + lanes[""]
		default:
			takes += lanes[s.Lane]
		}
		if budget > 0 && (s.Alone && takes > budget || !s.Alone && max(takes, longest)+alone > budget) {
			left = append(left, s)
			continue
		}
		if s.Alone {
			alone = takes - longest
		} else {
			lanes[s.Lane] = takes
		}
		run = append(run, s)
	}
	return run, left
}

func (s Story) touched(changed []string) bool {
	return slices.ContainsFunc(changed, func(path string) bool {
		return slices.ContainsFunc(s.Touches, func(touch string) bool {
			return path == touch || strings.HasSuffix(touch, "/") && strings.HasPrefix(path, touch)
		})
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// Rotate returns n of the items, and with each seed the next n: consecutive seeds reach
// all items.
func Rotate[T any](items []T, seed uint64, n int) []T {
	n = min(n, len(items))
	turn := make([]T, 0, n)
	for i := range uint64(n) { //nolint:gosec // A length is not negative.
		turn = append(turn, items[(seed*uint64(n)+i)%uint64(len(items))]) //nolint:gosec // The same.
	}
	return turn
}

// Random returns the same numbers for the same text and seed.
func Random(text string, seed uint64) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return rand.New(rand.NewPCG(seed, h.Sum64())) //nolint:gosec // It need not be secret.
}
