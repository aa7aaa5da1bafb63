// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package trigger decides what starts a backup beside the schedules: an event that a
// trigger of the Stanza waits for, or a repo without a proven backup.
//
//	what was seen ─▶ observe ─▶ causes ─▶ status.triggers[].pending
//	                                           │ a pass that has read them there
//	        hold, primary, cooldown, maxAge ─▶ due ─▶ Start: a Workflow to create
//	                                           │
//	       the Workflow, created or there ─▶ Fired ─▶ exactly its causes are done
//
// A cause is written ahead: first into the status, and only a pass that has read it from
// there starts a run for it. The name of the run comes from the cluster, the trigger and
// the time of the first cause, and the run says in an annotation which causes it is for.
// So a restart, a late cache or a second replica starts no run twice, and no cause gets
// lost or into two runs: a Workflow that exists already is recorded, and a cause that
// is not in its annotation waits for another one.
//
// What a trigger sees for the first time is what it compares with from then on, and
// starts nothing. Only a repo without a proven backup does, and again until it has one.
//
// A cause that cannot be judged starts a run: one backup too many is better than one too
// few. The package is pure: it reads no clock and writes nothing.
package trigger
