// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

const (
	port      = "5432"
	superuser = "postgres"
	// serverProgram is PostgreSQL itself.
	serverProgram = "postgres"
	// noPassword keeps a program from asking for one.
	noPassword = "--no-password"
	toDatabase = "--dbname="
)

// connection to the restored database.
type connection struct {
	programs programs
	binDir   string
	socket   string
	// major is the major version of PostgreSQL.
	major int
}

// superuserOptions are the options of a connection of the superuser, as libpq takes them.
func (c connection) superuserOptions() string {
	return "-c " + strings.Join(sessionSettings(c.major), " -c ")
}

// conninfo is a connection string: in it a name of a database is a name, whatever
// characters it has. Settings of roles and databases do not win over its options. Another
// user than the superuser may not set all of them: its role has them.
func (c connection) conninfo(database, user string) string {
	quote := func(value string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + "'" }
	options := "-c timezone=UTC -c datestyle=ISO"
	if user == superuser {
		options += " " + c.superuserOptions()
	}
	return "dbname=" + quote(database) + " host=" + quote(c.socket) + " port=" + port + " user=" + quote(user) +
		" connect_timeout=60 application_name=stanzaflow-drill options=" + quote(options)
}

func (c connection) program(name string) string { return filepath.Join(c.binDir, name) }

// psql runs a statement. Cells are separated by NUL. The newline before the statement keeps
// psql from reading a statement that begins with a backslash as a command of its own, which
// could run programs.
func (c connection) psql(ctx context.Context, database, user, statement string) (string, error) {
	stdout, stderr, code := c.programs.capture(ctx, []string{
		c.program("psql"), "--no-psqlrc", noPassword, "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1",
		"--field-separator-zero", "--record-separator-zero", toDatabase + c.conninfo(database, user), "--command=\n" + statement,
	})
	if code != 0 {
		return "", fmt.Errorf("%s", complaint(stderr, code))
	}
	return stdout, nil
}

// execute runs a statement as the superuser, in the database postgres.
func (c connection) execute(ctx context.Context, statement string) error {
	_, err := c.psql(ctx, superuser, superuser, statement)
	return err
}

// query decodes the answer of PostgreSQL, which is JSON.
func (c connection) query(ctx context.Context, statement string, into any) error {
	out, err := c.psql(ctx, superuser, superuser, statement)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(strings.TrimRight(out, "\x00\n")), into); err != nil {
		return fmt.Errorf("cannot read the answer of PostgreSQL: %w", err)
	}
	return nil
}

// complaint is what a program printed on stderr, as part of a message.
func complaint(stderr string, code int) string {
	if text := failure.Shorten(strings.Join(strings.Fields(stderr), " "), 200); text != "" {
		return text
	}
	return fmt.Sprintf("exit code %d", code)
}

// stateStatement reads how far recovery came: after its end, both functions keep the last
// values of it.
const stateStatement = `SELECT json_build_object(
'inRecovery', pg_is_in_recovery(),
'time', to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
'lsn', pg_last_wal_replay_lsn(),
'databaseBytes', (SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint FROM pg_database))`

// state of the restored database.
type state struct {
	InRecovery    bool       `json:"inRecovery"`
	Time          *time.Time `json:"time"`
	LSN           string     `json:"lsn"`
	DatabaseBytes int64      `json:"databaseBytes"`
}

// databasesStatement lists the databases beside template0, which never changes.
const databasesStatement = `SELECT coalesce(json_agg(json_build_object(
'name', datname, 'connectable', datallowconn AND datconnlimit <> -2) ORDER BY datname), '[]')
FROM pg_database WHERE datname <> 'template0'`

// database of the restored cluster.
type database struct {
	Name        string `json:"name"`
	Connectable bool   `json:"connectable"`
}
