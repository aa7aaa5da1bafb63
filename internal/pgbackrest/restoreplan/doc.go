// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package restoreplan says whether a moment can be restored, and from what.
//
//	info, archive listings, histories ─┐
//	known moments (heartbeats, drills) ├─▶ For ──▶ Plan: set, repo, timeline, target ──▶ Args, Steps
//	measured drills, room, slots ──────┘       └─▶ Refusal: reason, nearest moments before and after
//
// A Plan leaves pgBackRest and PostgreSQL nothing to choose: by themselves they take the
// first repo with any backup, follow the newest timeline, and end a recovery without an
// error where WAL is missing.
//
// It promises: Reachable is said only if all WAL is there from the start of the set to a
// commit that is known to be later than the target. A Refusal is given only if no restore
// can give the moment. Everything between the two is NotProven, and says what to do.
// Moments that a Refusal names are not refused themselves.
//
// It refuses to plan by a clock: all times are arguments.
package restoreplan
