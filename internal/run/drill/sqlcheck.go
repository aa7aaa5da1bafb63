// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

const (
	// queryTime bounds a query of a user.
	queryTime = 10 * time.Minute
	// maxValue bounds a value in a message, in bytes.
	maxValue = 64
	// minSQLVersion is the first release with the role pg_read_all_data.
	minSQLVersion = 14
)

// readerStatements make a role that can read everything and write nothing. As a superuser,
// a query could start programs, with the keys of the repo in reach. Its settings win over
// those of a database and of all roles.
func readerStatements(role string, databases []string, major int) []string {
	statements := []string{
		"CREATE ROLE " + role + " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS",
		"GRANT pg_read_all_data TO " + role,
	}
	settings := append(sessionSettings(major), // The last one wins.
		"default_transaction_read_only=on", fmt.Sprintf("statement_timeout='%ds'", int(queryTime.Seconds())))
	for _, setting := range settings {
		statements = append(statements, "ALTER ROLE "+role+" SET "+setting)
	}
	for _, database := range databases {
		statements = append(statements, "GRANT CONNECT ON DATABASE "+quoteIdentifier(database)+" TO "+role)
	}
	return statements
}

func quoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// askSQL runs the query of a check and returns what is wrong with its value, empty if
// nothing is. moment is that of the restored database, nil if it is not known.
func (c connection) askSQL(ctx context.Context, check stanzaflowv1alpha1.SQLCheck, role string, moment *time.Time) string {
	out, err := c.psql(ctx, check.Database, role, check.Query)
	if err != nil {
		return fmt.Sprintf("check %s: the query failed: %v", check.Name, err)
	}
	cells := strings.Split(strings.TrimSuffix(strings.TrimSuffix(out, "\n"), "\x00"), "\x00")
	if out == "" || len(cells) != 1 {
		return fmt.Sprintf("check %s: the query must give one row of one column", check.Name)
	}
	if why := judgeValue(check, cells[0], moment); why != "" {
		return fmt.Sprintf("check %s: %s", check.Name, why)
	}
	return ""
}

// judgeValue returns what is wrong with the value of a query, empty if nothing is.
func judgeValue(check stanzaflowv1alpha1.SQLCheck, value string, moment *time.Time) string {
	shown := failure.Shorten(value, maxValue)
	switch {
	case check.Equals != nil:
		if value != *check.Equals {
			return fmt.Sprintf("%q, must be %q", shown, *check.Equals)
		}
	case check.Min != nil:
		number, ok := new(big.Rat).SetString(value)
		if !ok {
			return fmt.Sprintf("%q is not a number, must be at least %d", shown, *check.Min)
		}
		if number.Cmp(new(big.Rat).SetInt64(*check.Min)) < 0 {
			return fmt.Sprintf("%s, must be at least %d", shown, *check.Min)
		}
	case check.MaxAge != nil:
		return judgeAge(shown, value, check.MaxAge.Duration, moment)
	default:
		return "there is nothing to compare the value with: set equals, min or maxAge"
	}
	return ""
}

// judgeAge compares with the moment of the restore, not with now: the drill tests the
// backup, and not how long it took.
func judgeAge(shown, value string, most time.Duration, moment *time.Time) string {
	if moment == nil {
		return "the moment of the restored database is not known, so nothing can be said about ages"
	}
	at, err := parseServerTime(value)
	if err != nil {
		at, err = time.Parse("2006-01-02 15:04:05.999999", value) // timestamp, which has no zone
	}
	if err != nil {
		return fmt.Sprintf("%q is not a timestamp", shown)
	}
	if age := moment.Sub(at); age > most {
		return fmt.Sprintf("%s is %s before the moment of the restore, %s, must be at most %s", shown, age.Round(time.Second), moment.UTC().Format(time.RFC3339), most)
	}
	return ""
}
