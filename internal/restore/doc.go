// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package restore answers a person who wants to restore: can this moment be reached, from
// what, how long does it take, what is lost, and what to type.
//
//	Stanza ── status.repos[].restorable, drills ─┐
//	pod ── info, repo-ls, repo-get, psql, df ────┴▶ Gather ─▶ restoreplan.For ─▶ Answer ─▶ Print
//
// It promises: it reads only, with the rights of who asks: get on postgresqls and stanzas,
// list on pods, create on pods/exec. It works without a primary, from any pod with the
// configuration. What could not be asked is said.
//
// It refuses to start a restore: it prints the commands, and a person decides.
package restore
