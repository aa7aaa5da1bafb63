// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package storm plays a week of a whole fleet on a virtual clock: thousands of clusters with
// the CronWorkflows of the real translation, a model of Argo's cron controller and of its
// locks, and outages of Argo and of the store.
//
//	postgresql, Stanza ─▶ translate ─▶ CronWorkflows ─▶ argo ─▶ locks ─▶ runs
//	                                                     └────────┴───────┴──▶ judge
//
// It has tests only. The model follows Argo 3.7.18, workflow/cron and workflow/sync:
//
//   - A slot that comes while Argo is down, or while a run of its CronWorkflow is active, starts
//     no run. When that is over, the newest missed slot of the first expression that has one
//     starts, once, if it is within startingDeadlineSeconds.
//   - Workflows are created one after the other, as fast as the API server is asked. After an
//     outage Argo lists the CronWorkflows by namespace and name.
//   - A run waits for the mutex of its cluster, then for its bucket, then for all, and holds
//     none that is wider than the one it waits for. Each queue is ordered by priority, then by
//     creation in seconds; among equals the order is arbitrary. Only the first may acquire.
//   - A store that fails costs a run its six attempts, about five minutes. Then it has failed,
//     and nothing repeats it before its next slot.
//
// The judge knows none of this. It computes the slots from the expressions of the user, and
// wants each to have one run, or an outage or a longer run that explains why it has none.
//
//	go test ./test/storm -v -args -storm.clusters=10000
package storm
