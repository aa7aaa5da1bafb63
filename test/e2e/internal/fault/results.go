// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

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

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
)

// results accumulate over calls, in a directory for each image.
type results struct {
	mu   sync.Mutex
	dir  string
	rows []trial.Result
}

// openResults reads the results of earlier calls.
func openResults(t *testing.T, dir string) *results {
	t.Helper()
	if dir == "" {
		t.Fatal("-faults.results must be set: run make faults")
	}
	image := os.Getenv("IMAGE")
	r := &results{dir: filepath.Join(dir, image[strings.LastIndexByte(image, ':')+1:])}
	if err := os.MkdirAll(r.dir, 0o750); err != nil { //nolint:gosec // The caller says where.
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
		var row trial.Result
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", r.file(), err)
		}
		r.rows = append(r.rows, row)
	}
	return r
}

func (r *results) file() string { return filepath.Join(r.dir, "results.jsonl") }

// has reports whether a trial has been made. A bad one is made again: after a fix, or to
// look at it. So is one whose fault hit nothing.
func (r *results) has(kind string, seed uint64, form vocab.RunForm) bool {
	for _, row := range r.rows {
		if row.Kind == kind && row.Seed == seed && row.Form == form && !row.IsBad() && row.Missed == "" {
			return true
		}
	}
	return false
}

// add keeps a row, and fails the test if the row is bad.
func (r *results) add(t *testing.T, row trial.Result) {
	t.Helper()
	line, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
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
	row.Check(t)
}

// print prints a table of everything that has been tried with this image.
func (r *results) print(t *testing.T, kinds []trial.Fault) {
	t.Helper()
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "KIND\tFORM\tRUNS\tGREEN\tFALSE GREENS\tSILENT MISSES\tUNEQUAL RESTORES\tHUMANS NEEDED\tWRONG\tMISSED")
	total := map[vocab.RunForm]counts{}
	for _, f := range kinds {
		for _, form := range vocab.Forms {
			c := r.count(f.Name, form)
			if c == (counts{}) {
				continue
			}
			c.print(table, f.Name, form)
			c.sum(total[form])
			total[form] = c
		}
	}
	for _, form := range vocab.Forms {
		total[form].print(table, "all", form)
	}
	_ = table.Flush()
	t.Logf("what was tried, %s:\n%s", r.file(), text.String())
}

// count counts the trials of a kind with runs of a form.
func (r *results) count(kind string, form vocab.RunForm) counts {
	c := counts{}
	for _, row := range r.rows {
		if row.Kind == kind && row.Form == form {
			c.add(row)
		}
	}
	return c
}

// counts are numbers of trials. One whose fault hit nothing is only missed, unless it went
// bad.
type counts struct{ runs, green, falseGreens, silentMisses, unequal, humans, wrong, missed int }

func (c *counts) add(row trial.Result) {
	one := map[bool]int{true: 1}
	if row.Missed != "" && !row.IsBad() {
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

func (c counts) print(table *tabwriter.Writer, name string, form vocab.RunForm) {
	_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", name, form, c.runs, c.green, c.falseGreens, c.silentMisses, c.unequal, c.humans, c.wrong, c.missed)
}
