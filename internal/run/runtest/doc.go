// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package runtest fakes the cluster that a run works on, for tests of the steps.
//
//	step ──▶ remote.Finder, Workflows, Executor
//	                     │
//	                   World ── Scripts: what a command does instead, once each
//	                     │
//	  the fields say what is in the cluster, Calls and Events what a step did
//
// It fakes, as far as the steps look at it:
//   - the API server: one postgresql with its Stanza, pods and CPO's CronJobs by
//     their labels, the Workflow of the run;
//   - the operator: Project writes the configuration into the pods and declares
//     it in the Stanza, with the operator's own translation;
//   - PostgreSQL: the answers to the statements of package remote, heartbeats, restore
//     points, a major upgrade;
//   - pgBackRest: info, stanza-create, stanza-upgrade, check, backup, expire, repo-ls and verify
//     over one repo with its backups and WAL, the lock, and failures with the
//     code and text of real ones;
//   - CPO, as far as a run sees it: its CronJobs, its configuration, the marker of a
//     restore;
//   - pkill, sha256sum and grep, in the forms in which a step calls them.
//
// It also fails the test for what no step may do: a second backup beside one that
// runs, and a command in the wrong container.
//
// It does not fake: time that passes by itself (a timer moves the clock to its
// end), contents of files, retention (expire removes nothing), a repo that
// differs between two containers, and a command that is still running when its
// stream breaks, unless a Script says so.
package runtest
