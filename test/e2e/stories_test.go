// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

var (
	storiesEveryday = flag.Bool("stories.everyday", false, "only the stories of every day, and some faults; all of them run, whatever has passed before")
	storiesOnly     = flag.String("stories.only", ".", "regular expression of the names of stories")
	storiesList     = flag.Bool("stories.list", false, "print one story a line, and do nothing else")
	storiesFor      = flag.Duration("stories.for", 0, "choose and begin only what fits into this time; 0 for all")
	storiesSeed     = flag.Uint64("stories.seed", 0, "which faults are the turn's, and the moments at which they come")
	storiesFaults   = flag.Int("stories.faults", 4, "how many kinds of fault are among the stories of every day")
	storiesChanged  = flag.String("stories.changed", "", "paths that the change touches, separated by spaces: their stories come first")
	storiesForce    = flag.Bool("stories.force", false, "repeat what has passed with the same image, cluster and tests")
	storiesPasses   = flag.String("stories.passes", "", "file that keeps what has passed; empty keeps nothing")
	storiesWorkers  = flag.Int("stories.workers", 6, "how many stories run at the same time; each waits most of its time")
)

// tried is what a pass depends on: these paths, and the image.
var tried = []string{"deploy", "docs/install.md", "examples", "hack", "test/cluster", "test/e2e", "test/walkthrough", "workflows"}

// TestStories plays the stories that were chosen, several at a time, and then one
// after the other those that must be alone. It ends with a table of all that the
// choice was from: what has not been run is not passed over in silence.
//
//nolint:paralleltest // it says itself what runs beside what
func TestStories(t *testing.T) {
	worlds := newWorlds(t)
	all := everyStory(worlds)
	if *storiesEveryday {
		worlds.turn(all, *storiesSeed, *storiesFaults)
	}
	run := &play{t: t, stories: map[string]story{}, results: map[string]string{}, began: time.Now()}
	var rows []ladder.Story
	for _, s := range all {
		if _, twice := run.stories[s.Name]; twice {
			t.Fatalf("two stories have the name %s", s.Name)
		}
		run.stories[s.Name] = s
		rows = append(rows, s.Story)
	}
	if *storiesList {
		list(rows)
		return
	}
	run.choose(rows)
	removeLeftovers(t)
	run.together()
	run.alone()
	run.print()
}

func list(rows []ladder.Story) {
	for _, s := range rows {
		rung := "make test-full"
		if s.Everyday {
			rung = "make test"
		}
		fmt.Printf("story %-32s %-15s about %s\n", s.Name, rung, s.Takes)
	}
}

// play is one call of the tests.
type play struct {
	t       *testing.T
	stories map[string]story
	choice  ladder.Choice
	key     string
	began   time.Time
	busy    cpuTime

	mu      sync.Mutex
	results map[string]string // guarded by mu
}

func (p *play) choose(rows []ladder.Story) {
	only, err := regexp.Compile(*storiesOnly)
	if err != nil {
		p.t.Fatalf("-stories.only: %v", err)
	}
	passes, err := ladder.ReadPasses(*storiesPasses)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.key, err = ladder.Key(os.Getenv("IMAGE"), os.DirFS(filepath.Join("..", "..")), tried...); err != nil {
		p.t.Fatal(err)
	}
	p.choice = ladder.Choose(rows, ladder.Options{
		Everyday: *storiesEveryday, Only: only, Changed: strings.Fields(*storiesChanged), Key: p.key, Passes: passes,
		Force: *storiesForce, Seed: *storiesSeed, For: *storiesFor, Workers: *storiesWorkers,
	})
	if len(p.choice.Run)+len(p.choice.Passed)+len(p.choice.Left) == 0 {
		p.t.Fatalf("no story matches %q: see LIST=1", *storiesOnly)
	}
	fmt.Printf("seed %d: %d stories to run, %d have passed with the same image, cluster and tests, %d do not fit into %s\n",
		*storiesSeed, len(p.choice.Run), len(p.choice.Passed), len(p.choice.Left), *storiesFor)
	p.busy = readCPU()
}

// together plays what bears others beside it. Stories of a lane wait for each
// other and hold up nothing else.
func (p *play) together() {
	lanes := map[string][]story{}
	for _, row := range p.choice.Run {
		if s := p.stories[row.Name]; !s.Alone {
			lanes[s.Lane] = append(lanes[s.Lane], s)
		}
	}
	var wg sync.WaitGroup
	for lane, queue := range lanes {
		jobs := make(chan story, len(queue))
		for _, s := range queue {
			jobs <- s
		}
		close(jobs)
		workers := 1
		if lane == "" {
			workers = *storiesWorkers
		}
		for range workers {
			wg.Go(func() {
				for s := range jobs {
					p.one(s)
				}
			})
		}
	}
	wg.Wait()
}

func (p *play) alone() {
	for _, row := range p.choice.Run {
		if s := p.stories[row.Name]; s.Alone {
			p.one(s)
		}
	}
}

// one plays a story and keeps its result.
func (p *play) one(s story) {
	if *storiesFor > 0 && time.Since(p.began) > *storiesFor {
		p.note(s.Name, "not run: the time was over")
		return
	}
	// A story that -run leaves out would count as passed.
	began, played, skipped := time.Now(), false, false
	fmt.Printf("[%4.0fs] %s begins\n", time.Since(p.began).Seconds(), s.Name)
	passed := p.t.Run(s.Name, func(t *testing.T) {
		played = true
		defer func() { skipped = t.Skipped() }()
		s.play(t)
	})
	took := time.Since(began)
	result := "passed"
	switch {
	case !passed:
		result = "FAILED"
	case !played:
		result = "not run: left out by -run"
	case skipped:
		result = "not run: it says why above"
	case *storiesPasses != "":
		pass := ladder.Pass{Story: s.Name, Key: p.key, At: time.Now().UTC(), Seconds: took.Seconds()}
		if err := pass.Append(*storiesPasses); err != nil {
			p.t.Error(err)
		}
	}
	p.note(s.Name, fmt.Sprintf("%s\t%.0f s\t%s", result, took.Seconds(), waits.of(s.Name)))
	fmt.Printf("[%4.0fs] %s %s after %.0f s\n", time.Since(p.began).Seconds(), s.Name, result, took.Seconds())
}

func (p *play) note(name, result string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.results[name] = result
}

// print is the table, and what the machine did meanwhile.
func (p *play) print() {
	for _, s := range p.choice.Passed {
		p.note(s.Name, "passed before with the same image, cluster and tests")
	}
	for _, s := range p.choice.Left {
		p.note(s.Name, "not run: no time for it")
	}
	var names []string
	for name := range p.results {
		names = append(names, name)
	}
	slices.Sort(names)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "STORY\tRESULT\tTOOK\tWAITED FOR")
	counts := map[string]int{}
	for _, name := range names {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", name, p.results[name])
		word, _, _ := strings.Cut(p.results[name], "\t")
		word, _, _ = strings.Cut(word, ":")
		counts[word]++
	}
	_ = table.Flush()
	var texts []string
	for result, n := range counts {
		texts = append(texts, fmt.Sprintf("%d %s", n, result))
	}
	slices.Sort(texts)
	fmt.Printf("stories: %s; seed %d; %s, processors busy for %.0f %% of it\n",
		strings.Join(texts, ", "), *storiesSeed, time.Since(p.began).Round(time.Second), readCPU().busySince(p.busy))
}
