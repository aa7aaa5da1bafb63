// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package killed kills the operator at any moment around a trigger, and checks that each
// cause has exactly one run.
//
//	operator, a process ──▶ proxy ──▶ real kube-apiserver
//	    ▲      SIGKILL at a moment, or at a write: before or after it is carried out
//	    └──────── started again, sometimes before the other one is dead
//	change, failover, new repo, new cluster ──▶ Workflows with their causes ──▶ verdict
//
// It needs no cluster. Whether a cause has one run is decided by what the operator writes
// and in which order, by what the API server keeps of it, and by what another process
// reads of that; those are the real ones here. Argo starts no run of a Workflow twice, and
// a run is the same whoever created its Workflow, so a stand-in ends the Workflows. That
// makes a trial a matter of seconds, and a write is a moment that can be hit exactly. In a
// cluster only the clock can choose the moment, and almost all of them are between two
// writes.
//
// It promises: the same seed chooses the same event, the same moments and the same pauses.
// What the operator does between them depends on the machine.
package killed
