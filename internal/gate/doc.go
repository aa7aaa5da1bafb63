// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package gate decides whether a run may continue. A gate is a boolean expression
// of expr-lang/expr over the Facts that precheck found.
//
//	Stanza.spec.gate ─▶ Check, CheckFirst ─▶ a Problem, before any run
//	Stanza.spec.gate, Facts ─▶ Open ─▶ the run continues, or is held
//
// The package is pure. A gate fails closed: one that does not compile, does not
// evaluate or is not a boolean lets no run through. And a gate ends: package expression
// refuses one that could run for long or fill the memory.
package gate
