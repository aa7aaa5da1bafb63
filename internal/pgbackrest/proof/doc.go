// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package proof says when a backup counts as proven.
//
//	info ───────────────▶ Info ───────┐
//	repo-ls ─▶ ArchivedSegments, Files┤
//	pg_stat_archiver ─────────────────┼──▶ Prove ──▶ Backup, reasons why it is not
//	verify ──▶ ParseVerify ───────────┘    (clauses)  proven
//
// The clauses are a list, in proof.go. Reads says what pgbackrest verify would have
// to read.
//
// It promises: a backup without a reason is listed under the annotation of its run,
// has its type, cipher, chain and WAL, and its files are there with their size, or
// were read back. What is not known speaks against the backup. WAL that is missing is
// lost only if PostgreSQL has archived it; else it is late.
//
// It refuses to claim that a restore gives the same data: only a restore shows that.
package proof
