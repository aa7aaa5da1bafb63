// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package precheck finds out whether a backup can and may be made now, and where.
//
//	postgresql, Stanza ──▶ slot, restore ──▶ target ──▶ primary, repo host
//	                                        │
//	      PostgreSQL, pgBackRest, the configuration in the pods, the repo
//	                                        │
//	                       facts ──▶ archiving ──▶ gate ──▶ Result
//
// The checks are a list, in check.go. The first that fails ends the precheck with
// an attempt.Failure.
//
// It promises: what passes can be backed up and archived; what only a person can
// fix says so, what may be over soon is tried again, and what is as it should be
// and allows no backup is held.
//
// It refuses: to change anything but to create a stanza that is missing, to upgrade one
// after a major upgrade, and to have PostgreSQL write a commit without data; to create a
// stanza where a repo has lost its backups; to read the value of an option, which may be a
// credential, except those that say where backups go.
package precheck
