// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package gate decides whether a run may go on: an expr-lang/expr boolean over
// the Facts that precheck found. It is pure. A gate fails closed: what does not
// compile, does not evaluate or is not a boolean lets no run through. And it ends:
// what could run for long or fill the memory is refused before it starts.
package gate
