// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package archiving says whether the WAL of a cluster reaches its repos between two
// backups, to which moment the cluster can be restored, and what its repos hold. It
// folds what the watches of its namespace report.
//
//	Workflows of the watch ─▶ Memory.Learn ─▶ samples ─┐
//	status before ─────────────────────────────────────┴─▶ Fold ─▶ status after, findings
//	clusters of a namespace ─▶ CronWorkflow ─▶ what starts its watch
//
// It is pure: it reads no clock and has no client. Memory is the one thing that is not
// in a status: the last samples, which are too many for one.
//
// It promises:
//   - A report that differs from the one before only in its time changes nothing.
//   - Without the memory, as after a restart, nothing is called archived or at risk that
//     the status before or the newest sample does not show.
//   - The newest restorable moment never moves back.
//   - A cluster that no watch reports on becomes blind. Nothing of the time before then
//     counts as its present.
//
// It refuses to take a backup that pgbackrest info lists for a proven one.
package archiving
