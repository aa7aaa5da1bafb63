// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package printer prints what a person or a program has asked for: tables as kubectl's,
// JSON and YAML.
//
//	Table ─▶ Print ─▶ aligned columns, coloured on a terminal
//	value ─▶ Encode ─▶ JSON or YAML
//
// It promises: a cell is one line, and no text of the cluster reaches the terminal as a
// control sequence. Colours do not move a column.
package printer
