// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"strings"
)

// CPO returns what to write into the postgresql so that CPO restores, as YAML, or says why
// CPO cannot. The id must be one that the cluster never had.
func (p Plan) CPO(id string) (yaml, why string) {
	switch {
	case p.Repo == 0:
		return "", "CPO restores from one repo, and this needs the WAL of several: copy the missing segments into one repo, or restore by hand"
	case (p.Type == TypeStandby || p.Type == TypeDefault) && p.Proven.IsZero():
		return "", "CPO ends a recovery by itself, and without a target a store that goes away ends it early without an error. No moment is proven that could be the target: name one with --to"
	}
	options := []string{"type: " + p.Type, "set: " + p.Label}
	if p.Type == TypeStandby || p.Type == TypeDefault {
		p.Type, p.Target = TypeTime, p.Proven
		options[0] = "type: " + TypeTime
	}
	if p.Type == TypeTime {
		options = append(options, fmt.Sprintf("target: %q", FormatTarget(p.Target)), fmt.Sprintf("target-timeline: %q", p.TimelineText()))
	}
	return fmt.Sprintf(`spec:
  backup:
    pgbackrest:
      restore:
        id: %s
        repo: repo%d
        options: {%s}
`, id, p.Repo, strings.Join(options, ", ")), ""
}
