// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package nearmiss finds the name that a misspelt word is meant to be: schedule
// for schedules, region for regoin, secret for secretName.
//
//	word, known names ─▶ Of ─▶ name ─▶ "did you mean …"
//
// It refuses to guess: a word that is close to nothing has no near miss.
package nearmiss
