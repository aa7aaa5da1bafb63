// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package inspect answers a person's questions about backups: is each database
// recoverable, what is wrong, why, and what to do.
//
//	Source ─▶ Read ─▶ Facts ─┬▶ Explain ─▶ the chain from a field to an exit code
//	   │                     └▶ Expire ─▶ what the next retention removes
//	   ├────▶ Stanzas ─▶ Status, Backups, Runs
//	   └────▶ Examine ─▶ the findings of doctor
//
// It promises: it reads and writes nothing. Everything after Source is pure and takes
// the time as an argument. It needs only the rights of the ClusterRole view for what is
// on Stanzas and Workflows.
//
// It refuses to guess. What may not be read, or what nobody has observed, is said in a
// sentence that names the missing right or the missing observation. Nothing is good by
// a default: a cluster without a status is unknown, not fine. A value of an option, which
// may be a credential, is in no answer, but for the options of a retention.
package inspect
