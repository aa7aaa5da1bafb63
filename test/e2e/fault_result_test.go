// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// result of one trial.
type result struct {
	Kind   string `json:"kind"`
	Seed   uint64 `json:"seed"`
	Store  string `json:"store"`
	Type   string `json:"type"`
	Moment string `json:"moment"`
	// Said is what the Stanza says of the run, Message why.
	Said    string `json:"said"`
	Message string `json:"message,omitempty"`
	// Green: both the Workflow and the Stanza say that there is a backup.
	Green bool `json:"green"`
	// FalseGreen: one of them says so, and there is none that restores.
	FalseGreen bool `json:"falseGreen,omitempty"`
	// SilentMiss: there is no proven backup, and the Stanza does not say so.
	SilentMiss bool `json:"silentMiss,omitempty"`
	// UnequalRestore: a backup restores to other data.
	UnequalRestore bool `json:"unequalRestore,omitempty"`
	// Human: the next run did not work before a person did something.
	Human bool `json:"human,omitempty"`
	// Wrong is what else was not as it must be: something left locked, the next
	// run failed, a run that never ended.
	Wrong   []string `json:"wrong,omitempty"`
	Seconds float64  `json:"seconds"`
	// Missed is why the fault hit nothing: then this was no trial of it.
	Missed string `json:"missed,omitempty"`
}

func (r result) bad() bool {
	return r.FalseGreen || r.SilentMiss || r.UnequalRestore || len(r.Wrong) > 0
}

// results accumulate over calls in a directory of the image that was tried.
type results struct {
	mutex sync.Mutex
	dir   string
	rows  []result
}

func openResults(t *testing.T, dir string) *results {
	t.Helper()
	if dir == "" {
		t.Fatal("-faults.results must be set: run make faults")
	}
	image := os.Getenv("IMAGE")
	r := &results{dir: filepath.Join(dir, image[strings.LastIndexByte(image, ':')+1:])}
	if err := os.MkdirAll(r.dir, 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(r.file())
	if os.IsNotExist(err) {
		return r
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var row result
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", r.file(), err)
		}
		r.rows = append(r.rows, row)
	}
	return r
}

func (r *results) file() string { return filepath.Join(r.dir, "results.jsonl") }

// has reports whether a trial has been made. A bad one is made again: after it
// was mended, or to look at it. So is one whose fault hit nothing.
func (r *results) has(kind string, seed uint64) bool {
	for _, row := range r.rows {
		if row.Kind == kind && row.Seed == seed && !row.bad() && row.Missed == "" {
			return true
		}
	}
	return false
}

func (r *results) add(t *testing.T, row result) {
	t.Helper()
	line, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.rows = append(r.rows, row)
	f, err := os.OpenFile(r.file(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(append(line, '\n'))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	row.judge(t)
}

// judge fails the test if anything was not as it must be.
func (r result) judge(t *testing.T) {
	t.Helper()
	t.Logf("%+v", r)
	if r.bad() {
		t.Errorf("false green %v, silent miss %v, unequal restore %v, wrong: %s",
			r.FalseGreen, r.SilentMiss, r.UnequalRestore, strings.Join(r.Wrong, "; "))
	}
}

// print is the table of everything that has been tried with this image.
func (r *results) print(t *testing.T, kinds []fault) {
	t.Helper()
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "KIND\tRUNS\tGREEN\tFALSE GREENS\tSILENT MISSES\tUNEQUAL RESTORES\tHUMANS NEEDED\tWRONG\tMISSED")
	total := counts{}
	for _, f := range kinds {
		c := counts{}
		for _, row := range r.rows {
			if row.Kind == f.name {
				c.add(row)
			}
		}
		total.sum(c)
		c.print(table, f.name)
	}
	total.print(table, "all")
	_ = table.Flush()
	t.Logf("what was tried, %s:\n%s", r.file(), text.String())
}

// counts of trials. One whose fault hit nothing is only missed, unless it went bad.
type counts struct{ runs, green, falseGreens, silentMisses, unequal, humans, wrong, missed int }

func (c *counts) add(row result) {
	one := map[bool]int{true: 1}
	if row.Missed != "" && !row.bad() {
		c.missed++
		return
	}
	c.sum(counts{
		1, one[row.Green], one[row.FalseGreen], one[row.SilentMiss], one[row.UnequalRestore], one[row.Human], one[len(row.Wrong) > 0], 0,
	})
}

func (c *counts) sum(o counts) {
	c.runs, c.green, c.falseGreens = c.runs+o.runs, c.green+o.green, c.falseGreens+o.falseGreens
	c.silentMisses, c.unequal = c.silentMisses+o.silentMisses, c.unequal+o.unequal
	c.humans, c.wrong, c.missed = c.humans+o.humans, c.wrong+o.wrong, c.missed+o.missed
}

func (c counts) print(table *tabwriter.Writer, name string) {
	_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", name, c.runs, c.green, c.falseGreens, c.silentMisses, c.unequal, c.humans, c.wrong, c.missed)
}
