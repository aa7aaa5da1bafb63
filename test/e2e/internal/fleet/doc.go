// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet has clusters that both CPO and Stanzaflow look after, and lets things
// happen to them.
//
//	Plan, seed ──▶ Play ──▶ create, edit, restore, release, delete clusters
//	                  └───▶ kill CPO, the operator, the API server
//	Periods ──▶ when which schedule was in force, for slots.Judge
//
// CPO is test/standin. The clusters have no PostgreSQL: their pods are never scheduled,
// and the stand-in says that they are ready. CPO's Jobs run a trivial command. Runs of
// Stanzaflow look who owns their slot, as always, and then fail.
//
// It promises: the same seed and plan choose the same events and victims, at the same
// times after the start. An event is left out if the one before is still in progress for
// its cluster, and that depends on the machine.
package fleet
