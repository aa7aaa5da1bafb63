// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package problem holds the mistakes that a translation finds in the resources
// of a user. A mistake is a value, not an error: each check returns a List, and
// Translate sorts them into its Plan.
//
//	check ─▶ List ─┐
//	check ─▶ List ─┼─▶ Sorted ─▶ Plan.Problems ─▶ conditions, events, render
//	check ─▶ List ─┘
//
// A Problem names an object, a field and a reason, and says what to do. It never
// repeats a value: that may be a credential, in its own field or in a wrong one.
package problem
