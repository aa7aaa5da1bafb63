// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package moment

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Log is what pg_waldump printed of commits and restore points.
type Log struct {
	// committed maps a transaction to its place among the records.
	committed map[string]int
	// points maps the name of a restore point to its places. pgbackrest check always uses
	// the same name.
	points map[string][]int
	// ends are the commits and aborts, in their order.
	ends []end
}

// end of a transaction.
type end struct {
	place int
	at    time.Time
}

var (
	endRecord    = regexp.MustCompile(`rmgr: Transaction\s.*\bdesc: (?:COMMIT|ABORT) (\S+ \S+ \S+?)(?:;|$)`)
	commitRecord = regexp.MustCompile(`rmgr: Transaction\s.*\btx:\s*(\d+),.*\bdesc: COMMIT `)
	pointRecord  = regexp.MustCompile(`rmgr: XLOG\s.*\bdesc: RESTORE_POINT (.+)$`)
)

// Parse reads what pg_waldump prints.
func Parse(printed string) (Log, error) {
	log := Log{committed: map[string]int{}, points: map[string][]int{}}
	for place, line := range strings.Split(printed, "\n") {
		if commit := commitRecord.FindStringSubmatch(line); commit != nil {
			if strings.Contains(line, "subxacts:") {
				return log, fmt.Errorf("transaction %s has subtransactions, whose rows this log would not know", commit[1])
			}
			log.committed[commit[1]] = place
		}
		if record := endRecord.FindStringSubmatch(line); record != nil {
			at, err := time.Parse("2006-01-02 15:04:05.999999 MST", record[1])
			if err != nil {
				return log, fmt.Errorf("record of the end of a transaction: %w", err)
			}
			log.ends = append(log.ends, end{place, at})
		}
		if point := pointRecord.FindStringSubmatch(line); point != nil {
			log.points[point[1]] = append(log.points[point[1]], place)
		}
	}
	return log, nil
}

// Row is a row of the ledger.
type Row struct {
	// ID, Transaction and Note are its columns.
	ID, Transaction, Note string
}

// At returns the rows that the database had at a restore point. It is an error if the
// name is not that of one point, since a restore stops at the first, or if a row has no
// commit record in the log: then the log does not begin early enough.
func (l Log) At(point string, rows []Row) ([]Row, error) {
	places := l.points[point]
	if len(places) != 1 {
		return nil, fmt.Errorf("the WAL has %d restore points %s", len(places), point)
	}
	return l.before(places[0], rows)
}

// AtTime returns the rows that a recovery to a time gives: PostgreSQL stops before the first
// commit or abort in the WAL whose time is later, also if an earlier one comes after it.
func (l Log) AtTime(target time.Time, rows []Row) ([]Row, error) {
	i := slices.IndexFunc(l.ends, func(e end) bool { return e.at.After(target) })
	if i < 0 {
		return nil, fmt.Errorf("the WAL has no commit after %s", target)
	}
	return l.before(l.ends[i].place, rows)
}

// LastEnd returns when the last transaction before a restore point ended; before the last
// one, if the name is used again.
func (l Log) LastEnd(point string) (time.Time, error) {
	places := l.points[point]
	if len(places) == 0 {
		return time.Time{}, fmt.Errorf("the WAL has no restore point %s", point)
	}
	for _, e := range slices.Backward(l.ends) {
		if e.place < places[len(places)-1] {
			return e.at, nil
		}
	}
	return time.Time{}, fmt.Errorf("no transaction ended before restore point %s", point)
}

// before returns the rows whose commit is before a place.
func (l Log) before(place int, rows []Row) ([]Row, error) {
	for _, row := range rows {
		if _, known := l.committed[row.Transaction]; !known {
			return nil, fmt.Errorf("the WAL has no commit of transaction %s, of row %s", row.Transaction, row.ID)
		}
	}
	return slices.DeleteFunc(slices.Clone(rows), func(row Row) bool { return l.committed[row.Transaction] >= place }), nil
}
