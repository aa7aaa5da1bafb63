// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package ladder

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var day = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func names(stories []Story) string {
	var all []string
	for _, s := range stories {
		all = append(all, s.Name)
	}
	return strings.Join(all, " ")
}

func TestChoose(t *testing.T) {
	stories := []Story{
		{Name: "short", Everyday: true, Takes: time.Minute},
		{Name: "long", Everyday: true, Takes: 4 * time.Minute},
		{Name: "store", Takes: 4 * time.Minute, Touches: []string{"internal/translate/"}},
		{Name: "outage", Takes: 5 * time.Minute, Alone: true, Touches: []string{"docs/adr/0016.md"}},
	}
	passed := func(name, key string, age time.Duration) Pass {
		return Pass{Story: name, Key: key, At: day.Add(-age), Seconds: 60}
	}
	for name, tc := range map[string]struct {
		options                  Options
		wantRun, wantPassed, cut string
	}{
		"every day: the longest first": {
			options: Options{Everyday: true},
			wantRun: "long short",
		},
		"every day: what has passed is repeated": {
			options: Options{Everyday: true, Key: "k", Passes: []Pass{passed("long", "k", time.Hour)}},
			wantRun: "long short",
		},
		"all: what the change touches comes first": {
			options: Options{Changed: []string{"internal/translate/s3.go"}, Passes: []Pass{
				passed("store", "old", time.Hour), passed("short", "old", 4*time.Hour), passed("long", "old", 3*time.Hour), passed("outage", "old", 2*time.Hour),
			}},
			wantRun: "store short long outage",
		},
		"a file is not a prefix": {
			options: Options{Changed: []string{"docs/adr/0016.md.orig"}, Passes: []Pass{
				passed("store", "old", 2*time.Hour), passed("short", "old", 4*time.Hour), passed("long", "old", 3*time.Hour), passed("outage", "old", time.Hour),
			}},
			wantRun: "short long store outage",
		},
		"what has never passed comes first": {
			options: Options{Passes: []Pass{passed("short", "old", time.Hour), passed("long", "old", 2*time.Hour), passed("outage", "old", 3*time.Hour)}},
			wantRun: "store outage long short",
		},
		"passed with the same key is not repeated": {
			options:    Options{Key: "k", Only: regexp.MustCompile("^(store|short)$"), Passes: []Pass{passed("store", "k", time.Hour), passed("short", "j", time.Hour)}},
			wantRun:    "short",
			wantPassed: "store",
		},
		"force repeats it": {
			options: Options{Key: "k", Only: regexp.MustCompile("^store$"), Force: true, Passes: []Pass{passed("store", "k", time.Hour)}},
			wantRun: "store",
		},
		"a budget leaves out what does not fit": {
			options: Options{For: 5 * time.Minute, Workers: 2, Changed: []string{"internal/translate/s3.go", "docs/adr/0016.md"}, Only: regexp.MustCompile("store|outage|short"), Passes: []Pass{
				{Story: "store", Key: "old", At: day, Seconds: 240}, {Story: "outage", Key: "old", At: day.Add(time.Second), Seconds: 300},
			}},
			wantRun: "store short", // 4 min / 2 workers, 1 min / 2
			cut:     "outage",
		},
		"a budget of nothing is no budget": {
			options: Options{Only: regexp.MustCompile("outage")},
			wantRun: "outage",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Choose(stories, tc.options)
			if diff := cmp.Diff([]string{tc.wantRun, tc.wantPassed, tc.cut}, []string{names(got.Run), names(got.Passed), names(got.Left)}); diff != "" {
				t.Errorf("run, passed, left (-want +got):\n%s", diff)
			}
		})
	}
}

// TestChooseLosesNothing checks that the choice lists each story once.
func TestChooseLosesNothing(t *testing.T) {
	var stories []Story
	for name := range strings.FieldsSeq("a b c d e f g h") {
		stories = append(stories, Story{Name: name, Takes: time.Minute, Alone: name > "d"})
	}
	for seed := range uint64(50) {
		c := Choose(stories, Options{Seed: seed, For: 3 * time.Minute, Key: "k", Passes: []Pass{{Story: "a", Key: "k", At: day}}})
		got := strings.Fields(names(slices.Concat(c.Run, c.Passed, c.Left)))
		slices.Sort(got)
		if strings.Join(got, " ") != "a b c d e f g h" {
			t.Fatalf("seed %d: %v", seed, got)
		}
	}
}

// TestChooseKnowsLanes checks that stories of a lane wait for each other and not for others.
func TestChooseKnowsLanes(t *testing.T) {
	var stories []Story
	for name := range strings.FieldsSeq("a1 a2 a3 b1 c d e last") {
		s := Story{Name: name, Takes: 2 * time.Minute, Alone: name == "last"}
		if len(name) == 2 {
			s.Lane = name[:1]
		}
		stories = append(stories, s)
	}
	var passes []Pass
	for i, s := range stories {
		passes = append(passes, Pass{Story: s.Name, Key: "old", At: day.Add(time.Duration(i) * time.Minute), Seconds: 120})
	}
	for budget, want := range map[time.Duration]string{
		2 * time.Minute: "a1 b1 c d | a2 a3 e last",
		4 * time.Minute: "a1 a2 b1 c d e | a3 last",
		8 * time.Minute: "a1 a2 a3 b1 c d e last | ",
		1 * time.Minute: "c | a1 a2 a3 b1 d e last",
	} {
		c := Choose(stories, Options{Passes: passes, For: budget, Workers: 2})
		if got := names(c.Run) + " | " + names(c.Left); got != want {
			t.Errorf("for %s: %s, want %s", budget, got, want)
		}
	}
}

// TestChooseTurns checks that seeds choose differently if nothing has ever passed.
func TestChooseTurns(t *testing.T) {
	stories := []Story{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}
	seen := map[string]bool{}
	for seed := range uint64(20) {
		seen[names(Choose(stories, Options{Seed: seed}).Run)] = true
	}
	if len(seen) < 5 {
		t.Errorf("20 seeds only give the orders %v", seen)
	}
}

// TestRotateReachesAll checks that consecutive seeds leave nothing out, and repeat nothing
// before the end.
func TestRotateReachesAll(t *testing.T) {
	items := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	var got []int
	for seed := range uint64(4) {
		got = append(got, Rotate(items, seed, 3)...)
	}
	if diff := cmp.Diff(append(items, 0), got); diff != "" {
		t.Error(diff)
	}
	if got := Rotate(items[:2], 7, 5); len(got) != 2 {
		t.Errorf("there are only two items, got %v", got)
	}
}

func TestPasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "below", "passes.jsonl")
	if got, err := ReadPasses(path); err != nil || got != nil {
		t.Fatalf("no file: %v %v", got, err)
	}
	want := []Pass{{Story: "a", Key: "k", At: day, Seconds: 1.5}, {Story: "b", Key: "k", At: day}}
	for _, p := range want {
		if err := p.Append(path); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"story":"c","ke` + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := want[0].Append(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadPasses(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, want[0]), got); diff != "" {
		t.Error(diff)
	}
}

func TestKey(t *testing.T) {
	checkout := fstest.MapFS{
		"test/a.go": {Data: []byte("a")}, "test/README.md": {Data: []byte("a")}, "other/b.go": {Data: []byte("b")},
		"test/link": {Data: []byte("../other"), Mode: fs.ModeSymlink}, "docs/install.md": {Data: []byte("a")},
	}
	key := func(name string) string {
		k, err := Key(name, checkout, "test", "docs/install.md")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := key("image")
	checkout["test/README.md"].Data, checkout["other/b.go"].Data = []byte("b"), []byte("c")
	if key("image") != first {
		t.Error("a document or another folder changes the key")
	}
	if key("another") == first {
		t.Error("another image has the same key")
	}
	for _, file := range []string{"test/a.go", "docs/install.md"} {
		before := key("image")
		checkout[file].Data = []byte("b")
		if key("image") == before {
			t.Errorf("another %s has the same key", file)
		}
	}
	if _, err := Key("image", checkout, "nowhere"); err == nil {
		t.Error("a folder that does not exist has a key")
	}
}
