// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

var lacking = regexp.MustCompile(`could not access file "([^"]+)"`)

// missingLibrary returns the library that PostgreSQL has not found.
func missingLibrary(log string) (string, bool) {
	if match := lacking.FindStringSubmatch(log); match != nil {
		return match[1], true
	}
	return "", false
}

// checkReached compares what recovery has reached with the plan.
func (r *restore) checkReached(ctx context.Context) error {
	var s state
	if err := r.db.query(ctx, stateStatement, &s); err != nil {
		return r.fail(End{Phase: PhaseCheck, Detail: "the restored database cannot be queried: " + err.Error()})
	}
	log := r.server.log.text()
	r.reached = Reached{Time: s.Time, SegmentBytes: r.control.segmentBytes}
	r.reached.LSN, _ = wal.ParseLSN(s.LSN) // 0 is not far enough.
	d := r.report.Drill
	d.RecoveredTo, d.LSN, d.DatabaseBytes = s.Time, s.LSN, s.DatabaseBytes
	if replayed := replayedBytes(log, r.reached.LSN); replayed > 0 {
		d.WALBytes = replayed
	}
	check := &d.Checks[len(d.Checks)-1]
	why := checkReached(r.plan, s, r.reached, log)
	check.Passed, check.Seconds = why == "", d.ReplaySeconds
	if check.Passed {
		return nil
	}
	err := r.fail(End{Phase: PhaseReached, Log: log, Reached: r.reached})
	check.Message = report.OneLine(why)
	return err
}

// checkFirstQuery ends the time that a restore takes. The other checks are not part of it.
func (r *restore) checkFirstQuery(ctx context.Context) error {
	began := r.Clock.Now()
	var why string
	if err := r.db.query(ctx, databasesStatement, &r.databases); err != nil {
		why = err.Error()
	} else {
		why = r.db.firstQuery(ctx, r.databases)
	}
	r.report.Drill.FirstQuerySeconds = r.Clock.Since(began).Seconds()
	r.note("FirstQuery", why == "", why, began)
	return ctx.Err()
}

// checkDatabases makes the checks for which PostgreSQL runs, and then stops it. One that
// fails does not keep the others from being made.
func (r *restore) checkDatabases(ctx context.Context) error {
	began := r.Clock.Now()
	if r.wants(stanzaflowv1alpha1.CheckDump) {
		start := r.Clock.Now()
		passed, message := r.db.dump(ctx, r.databases)
		r.note(string(stanzaflowv1alpha1.CheckDump), passed, message, start)
	}
	if r.wants(stanzaflowv1alpha1.CheckAmcheck) {
		start := r.Clock.Now()
		why := r.db.amcheck(ctx, r.databases)
		r.note(string(stanzaflowv1alpha1.CheckAmcheck), why == "", why, start)
	}
	r.checkSQL(ctx)
	r.report.Drill.ChecksSeconds = r.Clock.Since(began).Seconds()
	return ctx.Err()
}

func (r *restore) wants(check stanzaflowv1alpha1.DrillCheck) bool {
	return slices.Contains(r.plan.Drill.Checks, check)
}

// note adds a check to the report.
func (r *restore) note(name string, passed bool, message string, began time.Time) {
	r.report.Drill.Checks = append(r.report.Drill.Checks, report.Check{
		Name: name, Passed: passed, Message: report.OneLine(message), Seconds: r.Clock.Since(began).Seconds(),
	})
}

// checkSQL runs the queries of the user as a role that can only read.
func (r *restore) checkSQL(ctx context.Context) {
	if len(r.plan.Drill.SQL) == 0 {
		return
	}
	role, problem := r.makeReader(ctx)
	moment := r.moment()
	for _, check := range r.plan.Drill.SQL {
		began := r.Clock.Now()
		why := problem
		if why == "" {
			within, cancel := r.clock.Within(ctx, queryTime+time.Minute, context.DeadlineExceeded)
			why = r.db.askSQL(within, check, role, moment)
			cancel()
		}
		r.note("sql/"+check.Name, why == "", why, began)
	}
}

// moment is that of the restored database: the target, else the newest commit that was
// replayed, else the end of the backup. Nil if it is not known.
func (r *restore) moment() *time.Time {
	switch {
	case r.report.Drill.Moment != nil:
		return r.report.Drill.Moment
	case r.reached.Time != nil:
		return r.reached.Time
	case !r.plan.BackupEnd.IsZero():
		return &r.plan.BackupEnd
	}
	return nil
}

// makeReader makes the role for the queries, with a name that no role of the user has.
func (r *restore) makeReader(ctx context.Context) (role, problem string) {
	if r.control.major < minSQLVersion {
		return "", "queries need PostgreSQL 14 or newer, which has the role pg_read_all_data: leave sql out"
	}
	role = "stanzaflow_drill_" + strings.ReplaceAll(r.report.Run, "-", "")
	var names []string
	for _, d := range r.databases {
		names = append(names, d.Name)
	}
	for _, statement := range readerStatements(quoteIdentifier(role), names, r.control.major) {
		if err := r.db.execute(ctx, statement); err != nil {
			return "", "cannot make a role that can only read: " + err.Error()
		}
	}
	return role, ""
}

// checkPages stops PostgreSQL, and reads every page if that was asked for.
func (r *restore) checkPages(ctx context.Context) error {
	if !r.server.stop(r.clock) {
		return r.fail(End{Phase: PhaseCheck, Detail: "the restored PostgreSQL did not shut down cleanly: read the log of the drill"})
	}
	if !r.wants(stanzaflowv1alpha1.CheckChecksums) {
		return nil
	}
	began := r.Clock.Now()
	why := r.db.checksums(ctx, r.scratch.data, r.control.checksums)
	r.note(string(stanzaflowv1alpha1.CheckChecksums), why == "", why, began)
	r.report.Drill.ChecksSeconds += r.Clock.Since(began).Seconds()
	return ctx.Err()
}
