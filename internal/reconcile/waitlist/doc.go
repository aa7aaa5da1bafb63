// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package waitlist knows which runs wait for a slot of which cap, and in which order Argo lets
// them through.
//
//	a Workflow changes ─▶ See ─▶ a sorted queue for each cap ─▶ Position: 17 of 40
//
// Argo says of a cap who holds it, and not who waits. So the position of a run follows from
// all that the operator sees waiting, by Argo's own order. It promises that a position costs
// a search in one queue and no look at other runs, and that a run at rest costs nothing.
//
// It cannot know runs in namespaces that the operator does not watch. Argo has no order for
// runs of one priority that were created in the same second; here their names decide.
package waitlist
