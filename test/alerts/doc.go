// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package alerts evaluates our rules for Prometheus with its own engine. It is a separate
// module, so that no other one depends on Prometheus.
//
//	deploy/monitoring/rules.yaml ─┐
//	testdata/*.yaml: series ──────┴─▶ engine, every minute ─▶ which alerts fire, with which words
//
// The cases are files for `promtool test rules`, so a person can run them without Go.
package alerts
