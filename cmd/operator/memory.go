// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
)

// memoryShare is how much of the container's limit Go may use. The rest is for what Go does
// not count, such as the program itself.
const memoryShare = 0.9

// The memory of the manager by docs/scale.md, in bytes, with some room: without clusters; for
// each cluster, at the highest moment; and for each Workflow that Argo keeps.
const (
	memoryBase     = 60 << 20
	memoryCluster  = 28 << 10
	memoryWorkflow = 1400
)

// mostWorkflows is how many Workflows Argo keeps at most of a cluster with three schedules
// whose runs succeed.
const mostWorkflows = 90

// garbage is how much garbage Go lets grow before it collects, in percent of what lives.
// What lives is the cache of a fleet, which grows old: with Go's 100 half of the memory of
// ten thousand clusters would be garbage.
const garbage = 50

// collectOften has Go collect garbage more often than by itself, unless a user has set GOGC.
func collectOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}

// limitMemory has Go collect garbage more often rather than exceed the limit of the
// container, and logs how many clusters that is enough for. GOMEMLIMIT, if a user has set
// it, counts instead. Without any limit nothing happens.
func limitMemory(container memlimit.Provider, log logr.Logger) {
	limit, err := memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(container))
	switch {
	case errors.Is(err, memlimit.ErrNoCgroup), errors.Is(err, memlimit.ErrCgroupsNotSupported):
		return
	case err != nil:
		log.Error(err, "Cannot read the memory limit of the container, so Go does not know it: set GOMEMLIMIT to 90 % of it")
	case limit == math.MaxInt64:
		return
	default:
		log.Info("Memory is limited", "limit", fmt.Sprintf("%d MiB", limit>>20),
			"enoughForClusters", clustersFor(limit, 0), "enoughForClustersWith90Workflows", clustersFor(limit, mostWorkflows))
	}
}

// clustersFor is how many clusters a limit in bytes is enough for, if Argo keeps so many
// Workflows of each.
func clustersFor(limit, workflows int64) int64 {
	return max(limit-memoryBase, 0) / (memoryCluster + workflows*memoryWorkflow)
}
