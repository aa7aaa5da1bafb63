// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package workflow describes one run of a cluster, as a Workflow that refers to a
// WorkflowTemplate.
//
//	Run ─┬─▶ Labels, Annotations, Spec ─▶ the Workflows that a CronWorkflow starts
//	     └─▶ Workflow ─▶ the Workflow that a trigger or a person starts
//
// All have the same labels, arguments, priority and title, so that a run is the same
// whatever started it. The package decides nothing.
package workflow
