// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"fmt"
	"strings"
)

// RestorePoint is a moment to which a backup can be restored.
type RestorePoint struct {
	// Name that pg_create_restore_point was called with.
	Name string
	// Timeline on which it is. Without it PostgreSQL would follow the newest one, on
	// which there may be no such point.
	Timeline int
}

// RestoreText returns the command with which a person restores a backup to a restore
// point. PostgreSQL opens the database there. We never run it.
func RestoreText(stanza string, repo int, label string, point RestorePoint) string {
	return strings.Join([]string{
		Program, "restore", "--stanza=" + stanza, fmt.Sprintf("--repo=%d", repo), "--set=" + label,
		"--type=name", "--target=" + point.Name, fmt.Sprintf("--target-timeline=%d", point.Timeline), "--target-action=promote",
	}, " ")
}
