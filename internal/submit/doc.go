// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package submit starts a run for a person or a pipeline, follows it and says how it
// ended.
//
//	Request ─▶ Check ─▶ workflow.Run ─▶ Submit ─▶ Workflow ─▶ Follow ─▶ Judge ─▶ Verdict
//	              │                                             │
//	              └─ refusals: nothing was started              └─ lines: steps, waits, logs
//
// It promises: whatever is wrong with a request is said before anything is started. A
// request whose answer was lost starts one run, not two. A lost connection ends neither
// the run nor the following of it. A Verdict is Succeeded only if the report of exactly
// this Workflow says so and names what it proves.
//
// It refuses to guess: a run that was deleted, that is not over, or whose report is not
// its own, is unknown, which is no success. Argo's phase alone is no verdict.
package submit
