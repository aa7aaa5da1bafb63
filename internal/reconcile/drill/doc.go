// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package drill keeps the ConfigMap of the drills of a cluster, and folds their runs into
// status.drills and status.recovery. It is pure.
//
//	Plan, ConfigMap ─▶ Diff ─▶ actions
//	Workflows of drills, status before ─▶ Entries, DrilledRepos, Recovery ─▶ status after
//	status after, objectives ─▶ Judge ─▶ Recoverable
//
// It promises: what a drill has proven stays known when its Workflow is gone, and a drill
// that was lost, held or ended has proven nothing. Data that a drill has not found are
// missing until another drill has found everything, whatever becomes of the Workflows.
//
// It refuses to count a drill as a backup: no history of a backup is read or written here.
package drill
