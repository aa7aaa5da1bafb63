// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package option knows the options that may stand in a configuration file of
// pgBackRest: their types, values and ranges, their older names, and the release
// that brought them.
//
//	name ─▶ Parse ─▶ Name ─▶ Check(value) ─▶ error: pgBackRest would refuse it
//	                      └▶ Since(value) ─▶ the release that first knows it
//	all options ─▶ SetOf ─▶ Conflicts ─▶ which of them do not go together
//
// The table is in table.go. Its source is pgBackRest's own definition of its
// options (build/config/config.yaml) in the releases 2.41 to 2.59.1. A test holds
// it against the program, in the releases 2.45 and 2.55.1.
//
// It promises: what Parse, Check and Conflicts accept, pgBackRest accepts, if it is
// not older than Since. No error has the value, which may be a credential.
//
// It refuses: to know which release runs. Whoever has the release compares it.
package option
