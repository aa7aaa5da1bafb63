// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"flag"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/play"
)

var (
	storiesEveryday = flag.Bool("stories.everyday", false, "only the stories of every day, and some faults; all of them run, whatever has passed before")
	storiesOnly     = flag.String("stories.only", ".", "regular expression of the names of stories")
	storiesList     = flag.Bool("stories.list", false, "print one story a line, and do nothing else")
	storiesFor      = flag.Duration("stories.for", 0, "choose and begin only what fits into this time; 0 for all")
	storiesSeed     = flag.Uint64("stories.seed", 0, "picks the faults of the turn, and the moments at which they happen")
	storiesFaults   = flag.Int("stories.faults", 4, "how many kinds of fault are among the stories of every day")
	storiesChanged  = flag.String("stories.changed", "", "paths that the change touches, separated by spaces: their stories come first")
	storiesForce    = flag.Bool("stories.force", false, "repeat what has passed with the same image, cluster and tests")
	storiesPasses   = flag.String("stories.passes", "", "file that keeps what has passed; empty keeps nothing")
	storiesWorkers  = flag.Int("stories.workers", 6, "how many stories run at the same time; each waits most of its time")
)

// TestStories plays the stories that the flags choose, and prints a table of them.
//
//nolint:paralleltest // The player says which stories run at the same time.
func TestStories(t *testing.T) {
	faultsOfDay := 0
	if *storiesEveryday {
		faultsOfDay = *storiesFaults
	}
	all := append(everyStory(), fault.NewWorlds(t, *storiesSeed).Stories(faultsOfDay)...)
	if *storiesList {
		play.List(t, all)
		return
	}
	play.Stories(t, all, play.Options{
		Everyday: *storiesEveryday, Only: *storiesOnly, For: *storiesFor, Seed: *storiesSeed, Changed: *storiesChanged,
		Force: *storiesForce, Passes: *storiesPasses, Workers: *storiesWorkers,
	})
}
