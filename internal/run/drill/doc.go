// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package drill restores a backup into the pod of a drill, replays WAL there, and compares
// what it finds with what the plan says must be there.
//
//	Plan ─▶ pgbackrest restore ─▶ postgres (replays) ─▶ Reached ─▶ FirstQuery, Dump, Amcheck, sql
//	                                                                    │
//	               report, outputs ◀─ rm -rf ◀─ Checksums ◀─ stop ◀─────┘
//
// It promises: what recovery has to reach is fixed before it begins; the report says
// Unknown until everything has passed; the restored database archives nothing, listens on
// no port, runs no background worker and is removed, whatever happened; the whole log of
// PostgreSQL is searched, never its tail.
//
// It refuses to talk to Kubernetes, to run the queries of a user as a superuser, and to
// leave out a check that was asked for: what cannot be checked has failed.
package drill
