// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package metrics shows Prometheus what the operator knows of its clusters.
//
//	Stanzas in the cache ─▶ Collector.collect ─▶ samples ─▶ Page ─▶ text, compressed
//	outcome of a pass ────▶ Collector.Passed ──▶ counters, histogram, what no status holds
//	flags ────────────────▶ Endpoint.Server ───▶ https, and who may read
//
// It promises:
//   - A scrape reads the cache and nothing else. It writes nothing, and asks no cluster.
//   - The labels of a series are names that a user chose, or words of a fixed list. No time,
//     message, backup or Workflow is a label, so an idle cluster adds no series.
//   - Every number that an alert compares another one with is a metric too.
//   - Ages are as of the scrape, so a status need not be written for them.
//   - A scrape sees one Stanza at a time and keeps 16 bytes of each sample, because a
//     registry of client_golang allocates 850. The text is what such a registry would give,
//     byte for byte.
//   - One page is made at a time, however many ask for it, and no pass waits for it.
//
// It refuses to show as present what nobody has seen lately: while the watch of a cluster
// is blind, there is no series about its archive, and none about what can be recovered.
// A replica that does not lead shows no clusters: it makes no passes, and would show each
// of them twice.
// A page is whole, or it is an error: half of the clusters would look like all of them.
package metrics
