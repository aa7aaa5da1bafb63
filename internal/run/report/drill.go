// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"time"
)

// Heartbeat is a transaction that a run has written before pgbackrest check: every commit
// up to its time can be restored from every repo, and the time itself is a target that
// PostgreSQL can reach.
type Heartbeat struct {
	// Time is the database's, to the microsecond.
	Time     time.Time `json:"time"`
	LSN      string    `json:"lsn"`
	Timeline int       `json:"timeline"`
	// LastArchived is when PostgreSQL had archived a segment last, before the check. Nil
	// if it never had.
	LastArchived *time.Time `json:"lastArchived,omitempty"`
}

// Drill is one restore into a pod of its own.
type Drill struct {
	// Name of the drill in the Stanza. Empty for one by hand.
	Name string `json:"name,omitempty"`
	// Target is Newest, Random, Immediate, or the moment that was asked for.
	Target string `json:"target"`
	// Moment is the time to restore to, in UTC. Nil for Newest and Immediate.
	Moment *time.Time `json:"moment,omitempty"`
	// Backup is the label of the set, Timeline the one that recovery follows.
	Backup   string `json:"backup"`
	Timeline int    `json:"timeline"`
	// ExpectTime and ExpectLSN are what recovery had to reach. They were fixed before it
	// began. Nil and empty for Immediate.
	ExpectTime *time.Time `json:"expectTime,omitempty"`
	ExpectLSN  string     `json:"expectLSN,omitempty"`
	// RecoveredTo and LSN are what it did reach.
	RecoveredTo *time.Time `json:"recoveredTo,omitempty"`
	LSN         string     `json:"lsn,omitempty"`
	// DataMissing: recovery has ended, and has not found what must be in the archive, or
	// the plan was refused because of that.
	DataMissing bool `json:"dataMissing,omitempty"`
	// RPOSeconds is how much time of commits would have been lost with the primary when
	// the drill began, nil if unknown.
	RPOSeconds *float64 `json:"rpoSeconds,omitempty"`
	// Seconds that the phases took.
	ProvisionSeconds  float64 `json:"provisionSeconds,omitempty"`
	RestoreSeconds    float64 `json:"restoreSeconds,omitempty"`
	ReplaySeconds     float64 `json:"replaySeconds,omitempty"`
	FirstQuerySeconds float64 `json:"firstQuerySeconds,omitempty"`
	ChecksSeconds     float64 `json:"checksSeconds,omitempty"`
	DatabaseBytes     int64   `json:"databaseBytes,omitempty"`
	WALBytes          int64   `json:"walBytes,omitempty"`
	Checks            []Check `json:"checks,omitempty"`
}

// Check of a restored database.
type Check struct {
	// Name is CheckReached, FirstQuery, Dump, Amcheck, Checksums, or sql/ and the name of
	// the query.
	Name    string  `json:"name"`
	Passed  bool    `json:"passed"`
	Message string  `json:"message,omitempty"`
	Seconds float64 `json:"seconds"`
}

// CheckReached is the check that every drill makes: recovery has reached what it had to.
const CheckReached = "Reached"

// lacksDrill says what a drill that says Succeeded lacks. Without the check Reached it has
// proven nothing, whatever else it did.
func lacksDrill(r Report) string {
	switch {
	case r.Drill == nil || r.Drill.Backup == "":
		return "a restored backup"
	case r.Drill.DataMissing:
		return "the data that must be in the archive"
	case !slices.ContainsFunc(r.Drill.Checks, func(c Check) bool { return c.Name == CheckReached && c.Passed }):
		return "the check " + CheckReached
	}
	for _, c := range r.Drill.Checks {
		if !c.Passed {
			return "the check " + c.Name
		}
	}
	return ""
}
