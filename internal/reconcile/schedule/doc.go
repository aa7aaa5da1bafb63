// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package schedule decides about the CronWorkflows of a cluster: which to
// create, change, suspend or remove, and whether each one does its work in time.
//
//	planned and existing CronWorkflows ─▶ Diff ─▶ []object.Action
//	CronWorkflows in force, backup runs ─▶ Entries ─▶ status.schedules
//
// It is pure: it reads no clock and has no client.
//
// It promises:
//   - A schedule that has a Problem stays in force, unchanged.
//   - A schedule is overdue if it was due and no backup has been proven since,
//     whatever the cause.
//
// It refuses:
//   - to delete a CronWorkflow while one of its runs continues, or may have just
//     started: it suspends the CronWorkflow first;
//   - to count a run of another kind as a backup.
package schedule
