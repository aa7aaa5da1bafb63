// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package failure says what a failure of pgBackRest means: whether to wait, to try
// again, to look for another target or to stop, and what a person should do.
//
//	exit code, output ──▶ Diagnose ──────┐
//	                         │           ▼
//	status of info ──▶ DiagnoseStatus ──▶ rules ──▶ Diagnosis{Class, Cause, Advice}
//
//	step, code ──▶ Runbook ──▶ section of docs/runbook.md
//
// It promises: every exit code and every text gives a Diagnosis; a code that has no
// rule is Stop; the cause is one short line, without what pgBackRest quotes of a
// file that it cannot read.
//
// It refuses to guess: the text decides only where pgBackRest uses one code for
// several causes.
package failure
