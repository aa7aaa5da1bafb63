// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"strings"
	"testing"
)

// TestHeartbeatStatement: PostgreSQL leaves out a function in a subquery or a WITH whose
// result nobody needs, and then there is no commit to find.
func TestHeartbeatStatement(t *testing.T) {
	t.Parallel()
	targets, rest, found := strings.Cut(HeartbeatStatement, "txid_current()")
	if !found || strings.Contains(targets, "FROM") || strings.Count(targets, "SELECT") != 1 || strings.Count(targets, "(") != 1 {
		t.Errorf("txid_current() is not in the list of targets:\n%s", HeartbeatStatement)
	}
	if strings.Contains(HeartbeatStatement, "WITH") || strings.Contains(HeartbeatStatement, ";") {
		t.Errorf("not one plain SELECT:\n%s", HeartbeatStatement)
	}
	// Arguments are computed in their order: the time is that of a transaction which has
	// its ID, and before its commit.
	if !strings.Contains(rest, "clock_timestamp()") {
		t.Error("the time is taken before the transaction ID")
	}
}
