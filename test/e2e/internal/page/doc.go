// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package page writes what a story has seen into a page of the documentation, and compares
// the two otherwise.
//
//	Page    the part of a document that a story writes, as Markdown
//	Stable  replaces what differs between two runs of a story: times, names, sizes
//	Grid    what kubectl printed as a table, with its columns aligned after Stable
package page
