// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"regexp"
	"strings"
)

// bare is what no shell reads as anything else.
var bare = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Command is the restore for a shell.
func (p Plan) Command() string {
	words := []string{"pgbackrest", "restore"}
	for _, arg := range p.Args() {
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

// quote makes one word of a shell. What a repo says is not trusted with it.
func quote(arg string) string {
	if bare.MatchString(arg) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// Fallback is the same restore to the end of the archive: what a recovery must do if no
// commit follows the target, for then it ends with an error and not at the target. It is
// false if the end of the archive need not be the same state.
func (p Plan) Fallback() (Plan, bool) {
	same := p.EndIsSame && p.Type == TypeTime
	p.Kind, p.Type = Latest, TypeStandby
	return p, same
}

// LookStatement shows how far a recovery is, and whether it has stopped at the target.
func (p Plan) LookStatement() string {
	if p.Type == TypeStandby {
		return "SELECT pg_last_wal_replay_lsn(), pg_last_xact_replay_timestamp()"
	}
	return "SELECT pg_is_wal_replay_paused(), pg_last_xact_replay_timestamp()"
}

// EndStatement ends the recovery and opens the database.
func (p Plan) EndStatement() string {
	if p.Type == TypeStandby {
		return "SELECT pg_promote(true, 300)"
	}
	return "SELECT pg_wal_replay_resume()"
}
