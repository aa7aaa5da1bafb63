// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package moment says exactly which rows a database had at a restore point.
//
//	WAL of the primary ──pg_waldump──▶ Log: commits and restore points, in their order
//	rows of the primary, with their transactions ──At(point), AtTime(target)──▶ rows that a restore must give
//
// Why this is exact: PostgreSQL's recovery to a name replays the WAL in its order and
// stops after the record of the restore point. So a row is there if and only if the
// commit record of its transaction is before that record. Nothing else decides: numbers
// from a sequence are given out before the commit, several writers commit in another
// order, and a clock is not read at the moment of the commit record. A row keeps the
// transaction that inserted it in a column, since xmin says nothing after a restore and
// a freeze.
//
// It promises nothing for rows that are updated or deleted, and for subtransactions: the
// Writer makes none.
package moment
