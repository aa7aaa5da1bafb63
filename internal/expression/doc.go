// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package expression compiles expressions of expr-lang/expr that users write: the gate
// of a Stanza, and when of a trigger.
//
//	text ─▶ Language.Compile ─┬─▶ a program that ends
//	                          └─▶ an error of one line, with the position
//
// The operator serves all clusters, so no expression of one of them may take it down:
// one that could run for long or fill the memory is refused before it starts. The
// package is pure and knows no facts and no objects.
package expression
