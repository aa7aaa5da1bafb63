// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package outcome tells how the runs of a cluster ended. It is pure: the
// controller of package schedule hands in the Workflows that it sees and the
// status as it was, and writes what comes back.
//
//	Workflow ─▶ Read ─▶ Run ─┐
//	status before ───────────┴─▶ History.Fold ─▶ status after
//
// Nothing reads as success by a default: only a Workflow that Argo calls
// Succeeded, with a report of this very run that says Succeeded and names the
// backup, is one. What the status knows is never lost and never goes back to
// an older run, so it outlives the Workflows that Argo removes.
package outcome
