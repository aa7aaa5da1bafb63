// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package attempt decides how often and how long a step tries.
//
//	work ──▶ error ──▶ Of ──▶ Failure
//	  ▲                         │ Wait: another pgBackRest has the lock
//	  ├───────── Clock.Sleep ◀──┤
//	  │                         │ another attempt may help
//	  ├───────── back-off ◀─────┤
//	  │                         │ Stop, all attempts used up, out of time
//	Series.Do                   └──▶ returned
//
// It promises: an error that is no Failure is tried again; waiting for the lock
// uses up no attempt; nothing is tried after the deadline of the run.
//
// It refuses to know what is tried: it runs no command and writes no report.
package attempt
