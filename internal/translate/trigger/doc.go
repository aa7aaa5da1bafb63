// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package trigger checks the triggers of a Stanza.
//
//	spec.triggers ─▶ Plan ─┬─▶ Trigger: what it waits for, and which backup it makes
//	                       └─▶ Problem, and the trigger starts nothing and forgets nothing
//	repos, spec.initialBackup ─▶ Initial, the first run of each repo
//
// A trigger with a mistake affects no other one, and no schedule. This package knows no
// storage and no configuration, and it starts nothing: package reconcile/trigger decides
// when.
package trigger
