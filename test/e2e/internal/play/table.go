// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// printTable prints the result of every story of the choice, and how busy the machine
// was.
func (p *player) printTable() {
	for _, s := range p.choice.Passed {
		p.note(s.Name, "passed before with the same image, cluster and tests")
	}
	for _, s := range p.choice.Left {
		p.note(s.Name, "not run: no time for it")
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "STORY\tRESULT\tTOOK\tWAITED FOR")
	counts := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(p.results)) {
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
		strings.Join(texts, ", "), p.options.Seed, time.Since(p.began).Round(time.Second), readCPU().busySince(p.busy))
}

// cpuTime is how long all processors have worked since the machine started, in ticks.
type cpuTime struct{ busy, all float64 }

// readCPU returns zeros on a machine without the file.
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
