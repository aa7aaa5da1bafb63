// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package wal is what we know of the WAL of PostgreSQL and of pgBackRest's archive of it:
// positions, names of segments, histories of timelines, and what a repository lists.
//
//	LSN, timeline ── Size.Of ──▶ Segment ◀── Size.Parse ── name
//	00000002.history ── ParseHistory ──▶ History ── Path ──▶ which timeline holds which segment
//	repo-ls --recurse archive/db ── ParseListing ──▶ Listing: an Archive for each database
//
// It promises: pure functions; every input gives an answer and none panics.
//
// It refuses to guess: a name that PostgreSQL does not write is an error, and a file that
// no restore reads (a partial segment, a segment that is cut short) is no segment.
package wal
