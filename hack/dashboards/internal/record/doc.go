// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package record reads the JSON of a dashboard, runs its queries against a Prometheus, and
// keeps what that answers, so that package picture can draw it without one.
//
//	dashboard.go  the JSON, as Grafana reads it; as far as we draw it
//	ask.go        the queries, with what Grafana puts in place of its variables
//	recording.go  the answers, in a file
//
// The JSON is the truth, not package board: what is checked is what Grafana gets.
package record
