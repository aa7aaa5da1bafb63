// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package slots finds out whether every slot of every schedule ran exactly once, where
// CPO's CronJobs and our CronWorkflows make the backups of one cluster.
//
//	Jobs, Workflows ──▶ Watch ──▶ Log, a file ─┐
//	                                           ├──▶ Judge ──▶ missed, twice
//	schedules, and when each was in force ─────┘
//
// The witness is independent: Watch asks neither operator. It only writes down which
// Job or Workflow was started for which slot, and how that ended. A run that left its
// slot to CPO does not count, nor does one that found its cluster deleted: it could not
// look whose slot it was, and had nothing to back up. Every other one does, whatever came
// of it.
//
// A run that ended before it could look made no backup: the API server did not answer, or
// Kubernetes deleted the run with its CronWorkflow. It ran the slot, for nobody else is to
// make up for it, and it did not run it a second time.
//
// A slot at which the run of an earlier one has not ended need not run: both have
// concurrencyPolicy Forbid, and Argo makes up for the newest slot only (ADR 0016).
//
// It refuses to guess: slots at which a schedule was just being made, changed or removed
// are for the caller to leave out. They may run at most once, like all others.
package slots
