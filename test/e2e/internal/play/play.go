// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package play plays the stories of the cluster tests that were chosen: several at a
// time, and then, one after the other, those that must be alone. It ends with a table
// that also lists the stories that were not run.
package play

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

// Story is a row of the table of stories, and how it is played.
type Story struct {
	ladder.Story
	// Play is the test.
	Play func(*testing.T)
}

// Options say what to play. They are the flags of TestStories.
type Options struct {
	Everyday bool
	// Only is a regular expression of names.
	Only    string
	For     time.Duration
	Seed    uint64
	Changed string
	Force   bool
	// Passes is the file that keeps what has passed. Empty keeps nothing.
	Passes  string
	Workers int
}

// tried is what a pass depends on: these paths, and the image.
var tried = []string{"deploy", "docs/install.md", "examples", "hack", "test/cluster", "test/e2e", "test/walkthrough", "workflows"}

// List prints one story a line.
func List(t *testing.T, stories []Story) {
	t.Helper()
	byName(t, stories)
	for _, s := range stories {
		rung := "make test-full"
		if s.Everyday {
			rung = "make test"
		}
		fmt.Printf("story %-32s %-15s about %s\n", s.Name, rung, s.Takes)
	}
}

// byName checks that names are unique, and that every path that a story touches exists:
// a file that was moved would no longer choose its story.
func byName(t *testing.T, stories []Story) map[string]Story {
	t.Helper()
	named := map[string]Story{}
	for _, s := range stories {
		if _, twice := named[s.Name]; twice {
			t.Fatalf("two stories have the name %s", s.Name)
		}
		named[s.Name] = s
		for _, path := range s.Touches {
			if _, err := os.Stat(filepath.Join(program.Checkout, path)); err != nil {
				t.Fatalf("story %s: Touches: %v", s.Name, err)
			}
		}
	}
	return named
}

// Stories plays those that the options choose.
func Stories(t *testing.T, stories []Story, o Options) {
	t.Helper()
	p := newPlayer(t, stories, o)
	kit.RemoveLeftovers(t)
	p.playTogether(t)
	p.playAlone(t)
	p.printTable()
}

// player is one call of the tests.
type player struct {
	options Options
	stories map[string]Story
	choice  ladder.Choice
	key     string
	began   time.Time
	busy    cpuTime

	mu      sync.Mutex
	results map[string]string // by name of a story; guarded by mu
}

// newPlayer chooses the stories.
func newPlayer(t *testing.T, stories []Story, o Options) *player {
	t.Helper()
	p := &player{options: o, stories: byName(t, stories), results: map[string]string{}, began: time.Now(), busy: readCPU()}
	var rows []ladder.Story
	for _, s := range stories {
		rows = append(rows, s.Story)
	}
	only, err := regexp.Compile(o.Only)
	if err != nil {
		t.Fatalf("-stories.only: %v", err)
	}
	passes, err := ladder.ReadPasses(o.Passes)
	if err != nil {
		t.Fatal(err)
	}
	if p.key, err = ladder.Key(os.Getenv("IMAGE"), os.DirFS(program.Checkout), tried...); err != nil {
		t.Fatal(err)
	}
	p.choice = ladder.Choose(rows, ladder.Options{
		Everyday: o.Everyday, Only: only, Changed: strings.Fields(o.Changed), Key: p.key, Passes: passes,
		Force: o.Force, Seed: o.Seed, For: o.For, Workers: o.Workers,
	})
	if len(p.choice.Run)+len(p.choice.Passed)+len(p.choice.Left) == 0 {
		t.Fatalf("no story matches %q: see LIST=1", o.Only)
	}
	fmt.Printf("seed %d: %d stories to run, %d have passed with the same image, cluster and tests, %d do not fit into %s\n",
		o.Seed, len(p.choice.Run), len(p.choice.Passed), len(p.choice.Left), o.For)
	return p
}

// playTogether plays the stories that can run beside others. The stories of a lane
// wait for each other and for nothing else.
func (p *player) playTogether(t *testing.T) {
	t.Helper()
	lanes := map[string][]Story{}
	for _, row := range p.choice.Run {
		if s := p.stories[row.Name]; !s.Alone {
			lanes[s.Lane] = append(lanes[s.Lane], s)
		}
	}
	var wg sync.WaitGroup
	for lane, queue := range lanes {
		jobs := make(chan Story, len(queue))
		for _, s := range queue {
			jobs <- s
		}
		close(jobs)
		workers := 1
		if lane == "" {
			workers = p.options.Workers
		}
		for range workers {
			wg.Go(func() {
				for s := range jobs {
					p.play(t, s)
				}
			})
		}
	}
	wg.Wait()
}

func (p *player) playAlone(t *testing.T) {
	t.Helper()
	for _, row := range p.choice.Run {
		if s := p.stories[row.Name]; s.Alone {
			p.play(t, s)
		}
	}
}

// play plays a story and keeps its result.
func (p *player) play(t *testing.T, s Story) {
	t.Helper()
	if p.options.For > 0 && time.Since(p.began) > p.options.For {
		p.note(s.Name, "not run: the time was over")
		return
	}
	// Without this a story that -run leaves out would count as passed.
	began, played, skipped := time.Now(), false, false
	fmt.Printf("[%4.0fs] %s begins\n", time.Since(p.began).Seconds(), s.Name)
	passed := t.Run(s.Name, func(t *testing.T) {
		played = true
		defer func() { skipped = t.Skipped() }()
		s.Play(t)
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
	case p.options.Passes != "":
		pass := ladder.Pass{Story: s.Name, Key: p.key, At: time.Now().UTC(), Seconds: took.Seconds()}
		if err := pass.Append(p.options.Passes); err != nil {
			t.Error(err)
		}
	}
	p.note(s.Name, fmt.Sprintf("%s\t%.0f s\t%s", result, took.Seconds(), wait.Longest(t.Name()+"/"+s.Name)))
	fmt.Printf("[%4.0fs] %s %s after %.0f s\n", time.Since(p.began).Seconds(), s.Name, result, took.Seconds())
}

func (p *player) note(name, result string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.results[name] = result
}
