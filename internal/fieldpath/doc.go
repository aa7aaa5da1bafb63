// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package fieldpath lists the fields of our kind by their JSON paths, so that a
// message can name the fields that are close to a misspelt one.
//
//	Go struct ─▶ Of ─▶ paths ─▶ Beside ─▶ the names at one level
//	                     └────▶ Lost ─▶ those that a schema does not have
//
// It reads types and json tags only, never a value.
package fieldpath
