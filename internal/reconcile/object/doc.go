// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package object knows the Kubernetes objects of one cluster: which kinds there
// are, what of an object is ours, whether it is as planned, and how it is
// written.
//
//	kinds ─▶ State ─────┐
//	                    ├─▶ []Action ─▶ Apply ─▶ Result
//	planned objects ────┘
//
// It promises:
//   - One table says everything that depends on the kind of an object. A kind
//     that is not in the table is a bug, and panics.
//   - Apply carries out actions in the order of the list, and Order puts what a
//     run needs before what starts it. A failed action stops no other.
//   - Apply reads an object again from the API server before it changes it, or
//     changes only the version that the pass has read.
//
// It refuses:
//   - to write to an object that is not ours, except for our own annotation on a
//     Workflow, and for how Argo's lists show it;
//   - to delete a CronWorkflow while one of its runs continues: Argo would kill
//     the backup;
//   - to delete anything else but a Stanza that we made.
//
// It does not decide what to do: the rooms provision and schedule plan the
// actions. What it cannot do itself, such as writing a Secret, they do; Apply
// calls them by verb.
package object
