//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// row is a row of the table: what it shows of one size.
type row struct {
	name string
	show func(*result) string
}

// rows of docs/scale.md.
var rows = []row{
	{"first sync", func(r *result) string { return seconds(r.syncSeconds) }},
	{"first sync ÷ the same objects by plain client-go", func(r *result) string {
		return fmt.Sprintf("%.2f (%s)", r.syncSeconds/r.plain.Seconds(), seconds(r.plain.Seconds()))
	}},
	{"first sync: requests for each cluster", func(r *result) string { return fmt.Sprintf("%.2f", r.sync.all()/float64(r.clusters)) }},
	{"first sync: of these, writes", func(r *result) string { return fmt.Sprintf("%.2f", r.sync.writes()/float64(r.clusters)) }},
	{"first sync: conflicts in all", func(r *result) string { return fmt.Sprintf("%.0f", r.sync.conflicts()) }},
	{"first sync: processor time of the operator", func(r *result) string { return seconds(r.syncBusy) }},
	{"memory, highest in the first sync", func(r *result) string { return mebibytes(r.syncPeak.peak) }},
	{"memory, steady after it", func(r *result) string { return mebibytes(r.steady.resident) }},
	{"memory, highest in a start with the fleet in place", func(r *result) string { return mebibytes(r.restartPeak.peak) }},
	{"memory, steady after that start", func(r *result) string { return mebibytes(r.restartSteady.resident) }},
	{"of it, heap in use", func(r *result) string { return mebibytes(int64(r.restartHeap)) }},
	{"start with the fleet in place, until it is quiet", func(r *result) string { return seconds(r.restartSeconds) }},
	{"that start: requests for each cluster", func(r *result) string { return fmt.Sprintf("%.2f", r.restart.all()/float64(r.clusters)) }},
	{"that start: writes in all", func(r *result) string { return fmt.Sprintf("%.0f", r.restart.writes()) }},
	{"change of a schedule → CronWorkflow, median (longest)", func(r *result) string {
		return fmt.Sprintf("%s (%s)", seconds(median(r.changes).Seconds()), seconds(slices.Max(r.changes).Seconds()))
	}},
	{"idle: writes but the lease", func(r *result) string { return fmt.Sprintf("%.0f", r.idle.writes()) }},
}

// table is in Markdown.
func table(results []*result) string {
	var text strings.Builder
	line := func(name string, show func(*result) string) {
		text.WriteString("| " + name + " |")
		for _, r := range results {
			text.WriteString(" " + show(r) + " |")
		}
		text.WriteString("\n")
	}
	line("clusters", func(r *result) string { return thousands(r.clusters) })
	text.WriteString("|---|" + strings.Repeat("---:|", len(results)) + "\n")
	line("memory limit", func(r *result) string {
		if r.limit == 0 {
			return "none"
		}
		return mebibytes(r.limit)
	})
	line("killed at the limit", func(r *result) string {
		if r.looped {
			return fmt.Sprintf("%d times, then given up", r.kills)
		}
		return strconv.Itoa(r.kills)
	})
	for _, row := range rows {
		line(row.name, func(r *result) string {
			if r.looped {
				return "–"
			}
			return row.show(r)
		})
	}
	return text.String() + slopes(results)
}

// slopes says what one more cluster costs: between neighbouring sizes, so that what the
// operator needs for no cluster does not count.
func slopes(results []*result) string {
	var text strings.Builder
	for i := 1; i < len(results); i++ {
		a, b := results[i-1], results[i]
		if a.looped || b.looped || a.clusters == b.clusters {
			continue
		}
		slope := func(of func(*result) int64) float64 {
			return float64(of(b)-of(a)) / float64(b.clusters-a.clusters) / (1 << 10)
		}
		fmt.Fprintf(&text, "\nOne more cluster between %s and %s: %.0f KiB steady, %.0f KiB at the highest moment of a start, %.0f KiB of heap in use.\n",
			thousands(a.clusters), thousands(b.clusters), slope(func(r *result) int64 { return r.restartSteady.resident }),
			slope(func(r *result) int64 { return r.restartPeak.peak }), slope(func(r *result) int64 { return int64(r.restartHeap) }))
	}
	return text.String()
}

func seconds(n float64) string {
	if n < 10 {
		return fmt.Sprintf("%.2f s", n)
	}
	return fmt.Sprintf("%.0f s", n)
}

func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// machine says what all of this was measured on.
func machine(b *testing.B) string {
	b.Helper()
	memory := ""
	info, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.SplitSeq(string(info), "\n") {
		if fields := strings.Fields(line); strings.HasPrefix(line, "MemTotal:") {
			kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
			memory = fmt.Sprintf("%.0f GiB", float64(kilobytes)/(1<<20))
		}
	}
	server, _ := exec.CommandContext(b.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kube-apiserver"), "--version").Output()
	commit, _ := exec.CommandContext(b.Context(), "git", "rev-parse", "--short", "HEAD").Output()
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%s, %d cores, %s of memory, API server and etcd on the same machine; %s, %s; commit %s; load of the machine at the end %s\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), memory, strings.TrimSpace(string(server)), runtime.Version(),
		strings.TrimSpace(string(commit)), strings.Join(strings.Fields(string(load))[:min(3, len(strings.Fields(string(load))))], " "))
}
