//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	sizes   = flag.String("fleet.sizes", "1000,5000", "how many clusters, one table row for each, separated by commas")
	limit   = flag.String("fleet.limit", "", "memory limit of the operator, such as 512Mi; none for no limit; by default that of deploy/base/deployment.yaml")
	idle    = flag.Duration("fleet.idle", 2*time.Minute, "how long nothing happens before memory is called steady")
	changes = flag.Int("fleet.changes", 20, "how many changes of a schedule are timed")
	runs    = flag.Int("fleet.runs", 0, "how many proven runs each schedule has before the operator is started again; Argo keeps 30")
	workers = flag.Int("fleet.workers", 4, "how many workers of plain client-go create the same objects: as many as the operator has")
	soaking = flag.Duration("fleet.soak", 0, "how long to change clusters and to kill the operator and the API server; 0 for not at all")
	seed    = flag.Uint64("fleet.seed", 0, "of the soak: the same seed makes the same changes and kills at the same moments; 0 picks one")
	profile = flag.String("fleet.profiles", "", "a folder for heap profiles; the operator is then built with a handler for them, and asked for one costs it a garbage collection")
	program = flag.String("fleet.program", "", "the program of the operator; by default it is built")
)

// checkout is the top of the checkout.
const checkout = "../.."

// BenchmarkFleet measures the operator at each size, each with an API server of its own.
func BenchmarkFleet(b *testing.B) {
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	prepare(ctx, b)
	if *program == "" {
		*program = buildOperator(b)
	}
	var results []*result
	for _, n := range readSizes(b) {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			r := &result{clusters: n}
			measure(ctx, b, r)
			results = append(results, r)
		})
	}
	b.ReportMetric(0, "ns/op")
	if len(results) > 0 {
		fmt.Printf("\n%s\n%s\n", machine(b), table(results))
	}
}

// measure fills the result of one size. The stages end early if the operator is killed
// again and again.
func measure(ctx context.Context, b *testing.B, r *result) {
	b.Helper()
	s := startServer(ctx, b)
	f := s.createFleet(b, r.clusters) //nolint:contextcheck // the server keeps it
	o := newOperator(b, s)
	r.limit = o.group.limit
	stages := []func(*testing.B, *operator, *result) bool{f.firstSync, f.rest, f.addRuns, f.budget, f.change, f.restart, f.soak, f.createPlain}
	for _, stage := range stages {
		if r.looped = !stage(b, o, r); r.looped {
			fmt.Printf("MEASURED %d clusters: the operator cannot live with %s\n", r.clusters, mebibytes(r.limit))
			break
		}
	}
	r.kills = o.kills
	b.ReportMetric(0, "ns/op")
}

// say prints how far a run is.
func say(format string, args ...any) {
	fmt.Printf("[%5.0fs] %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

var began = time.Now()

func readSizes(b *testing.B) (list []int) {
	b.Helper()
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			b.Fatalf("-fleet.sizes is %q, want numbers such as 1000,5000", *sizes)
		}
		list = append(list, n)
	}
	return list
}

func buildOperator(b *testing.B) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "operator")
	build := exec.CommandContext(b.Context(), "go", "build", "-overlay", overlay(b), "-o", file, checkout+"/cmd/operator")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("cannot build the operator: %v\n%s", err, out)
	}
	return file
}

// pause waits, and fails if the run is interrupted.
func pause(ctx context.Context, b *testing.B, d time.Duration) {
	b.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		b.Fatal("interrupted")
	case <-timer.C:
	}
}
