// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"regexp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

var (
	// stopping is where recovery has stopped for a target of time.
	stopping = regexp.MustCompile(`recovery stopping (?:before|after) (?:commit|abort) of (?:prepared )?transaction [0-9]+, time ([0-9-]+ [0-9:.]+\+[0-9]{2})`)
	// consistent is what PostgreSQL says as soon as the end of the backup is replayed.
	consistent = regexp.MustCompile(`consistent recovery state reached`)
	// redoStart is where PostgreSQL began to replay.
	redoStart = regexp.MustCompile(`redo starts at ([0-9A-F]+/[0-9A-F]+)`)
)

// checkReached returns why recovery has not reached what the plan says, empty if it has.
// The log is the whole one of PostgreSQL.
func checkReached(p Plan, s state, r Reached, log string) string {
	d := p.Report.Drill
	switch {
	case s.InRecovery:
		return "PostgreSQL is still in recovery"
	case d.Moment != nil:
		match := stopping.FindStringSubmatch(log)
		if match == nil {
			return "PostgreSQL does not say where recovery stopped"
		}
		if at, err := parseServerTime(match[1]); err != nil || at.Before(*d.Moment) {
			return "recovery stopped at " + match[1]
		}
		return ""
	case d.Target == string(stanzaflowv1alpha1.TargetImmediate):
		if !consistent.MatchString(log) {
			return "PostgreSQL has not reached a consistent state"
		}
		return ""
	}
	return checkNewest(p, s, r)
}

// checkNewest compares with the newest commit that was in the archive before the restore.
func checkNewest(p Plan, s state, r Reached) string {
	d := p.Report.Drill
	expected, err := wal.ParseLSN(d.ExpectLSN)
	switch {
	case err != nil:
		return fmt.Sprintf("the plan expects %v", err)
	case r.LSN < expected:
		return fmt.Sprintf("WAL was replayed up to %s, the archive must reach %s", s.LSN, d.ExpectLSN)
	case d.ExpectTime != nil && (s.Time == nil || s.Time.Before(*d.ExpectTime)):
		return "the newest commit is older than that in the archive"
	}
	return ""
}

// replayedBytes is how much WAL was replayed, 0 if that is not known.
func replayedBytes(log string, end wal.LSN) int64 {
	match := redoStart.FindStringSubmatch(log)
	if match == nil {
		return 0
	}
	start, err := wal.ParseLSN(match[1])
	if err != nil || end < start {
		return 0
	}
	return int64(end - start) //nolint:gosec // No archive has 2^63 bytes.
}
