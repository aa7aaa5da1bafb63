// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package outcome says how the runs of a cluster ended. It is pure: package
// reconcile passes the Workflows that it sees and the status before, and writes the
// status after.
//
//	Workflow ─▶ Read ─▶ Run{Kind} ─┐
//	status before ─────────────────┴─▶ History.Fold (one kind) ─▶ status after
//	                                   FoldFinished ─▶ its last runs
//	Workflow ─▶ Show ─▶ how Argo's lists show it
//
// It promises: what the status knows is never lost and never goes back to an older
// run, so it outlives the Workflows that Argo removes; the order of the Workflows
// does not matter.
//
// It refuses to read success by a default. A run succeeded only if Argo calls its
// Workflow Succeeded, and its own report, of its own kind, says Succeeded and names
// the backup. A Workflow of another kind never counts as a backup run.
package outcome
