// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package picture draws a dashboard from a recording of its queries: what a person sees in
// Grafana, in plain form. Grafana draws better; this shows what is on which panel, with real
// numbers.
//
//	picture.go   the page: a frame for each panel
//	lines.go     series over time
//	timeline.go  states over time
//	number.go    one number
//	table.go     rows
//	unit.go      how a number is written
//	style.go     fonts and colours
//
// The same dashboard and recording give the same bytes.
package picture
