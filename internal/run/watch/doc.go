// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package watch asks all clusters of a namespace how their archiving and their repos
// are, and reports what it found.
//
//	Lister ─▶ postgresqls, Stanzas, pods, a list of each
//	             │ select: managed, with a repo
//	             ▼
//	for each cluster, several at a time
//	   primary ──────────────▶ psql, df of pg_wal        ─▶ WAL, Volume
//	   repo host or primary ─▶ df of the repo, pgbackrest info ─▶ Repos, Progress
//	             │
//	             ▼
//	report.Watch ─▶ outputs report and message
//
// It promises: a Sample for each cluster, which says what could not be asked; a bound for
// each cluster and for the whole, so that one that does not answer delays no other;
// PostgreSQL is asked before the repos and waits behind no store; places are found as the
// steps find them.
//
// It refuses to write: every command reads, in a session that PostgreSQL keeps from
// writing, and none switches WAL. It decides nothing: whether a cluster is well is for the
// operator to say, which knows its schedules and what was before.
package watch
