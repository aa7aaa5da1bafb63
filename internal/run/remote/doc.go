// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package remote reaches what a run works on: the resources of one cluster, its
// pods, and the PostgreSQL and pgBackRest in them.
//
//	Client (client-go) ──▶ Finder, Lister, Workflows, Executor
//	                              │
//	Cluster ── Find, Members ──▶ Place ── Capture, Follow ──▶ Output
//	   ├── ReadPostgres, CountBackupSessions           (psql)
//	   ├── ReadArchiving                               (psql)
//	   ├── DiskFree                                    (df)
//	   ├── Info, Version, ListRepo, RepoFiles, …       (pgbackrest)
//	   └── Signal                                      (pkill)
//
// Ask runs several commands in one exec, for those who run them later.
//
// It promises: a command is a list of arguments, in which no shell reads anything; a
// question ends after answerTime; what cannot be reached is an attempt.Failure that names
// the container; no line that pgBackRest quotes from a Secret gets into a log.
//
// It refuses to know what a step is, and to write to an object of the user. The
// only thing that it creates is an event at the Workflow of the run.
package remote
