// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package lanes is the queue of a controller with two lanes: what somebody has changed
// passes what is only looked at again, such as all clusters after a start.
//
//	AddWithOpts(priority ≥ 0), Add ─▶ fast ─┐
//	                                        ├─▶ Get
//	AddWithOpts(priority < 0) ──────▶ slow ─┘
//
// It promises:
//   - Within a lane the first comes first. What waits in the slow lane and is added to the
//     fast one moves there.
//   - The slow lane never stands still: it has one turn in eight.
//
// All else is the work queue of client-go. The priority queue of controller-runtime before
// 0.25.0 can block when it shuts down (its issue 3538): the manager then keeps the lease for
// 30 s, and ends with an error.
package lanes
