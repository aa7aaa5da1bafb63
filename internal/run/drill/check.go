// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// firstQuery connects to every database that allows it.
func (c connection) firstQuery(ctx context.Context, databases []database) string {
	for _, d := range databases {
		if !d.Connectable {
			continue
		}
		if _, err := c.psql(ctx, d.Name, superuser, "SELECT 1"); err != nil {
			return fmt.Sprintf("database %q cannot be queried: %v", d.Name, err)
		}
	}
	return ""
}

// counter counts what is written into it, and drops it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// dump reads every row of every database that allows a connection.
func (c connection) dump(ctx context.Context, databases []database) (passed bool, message string) {
	var size counter
	var left []string
	run := func(what string, argv []string) string {
		var stderr bytes.Buffer
		if code := c.programs.run(ctx, argv, &size, &stderr); code != 0 {
			return fmt.Sprintf("%s failed: %s", what, complaint(stderr.String(), code))
		}
		return ""
	}
	globals := []string{c.program("pg_dumpall"), "--globals-only", noPassword, toDatabase + c.conninfo(superuser, superuser)}
	if why := run("pg_dumpall", globals); why != "" {
		return false, why
	}
	for _, d := range databases {
		if !d.Connectable {
			left = append(left, fmt.Sprintf("%q", d.Name))
			continue
		}
		argv := []string{c.program("pg_dump"), "--format=plain", noPassword, toDatabase + c.conninfo(d.Name, superuser)}
		if why := run(fmt.Sprintf("pg_dump of database %q", d.Name), argv); why != "" {
			return false, why
		}
	}
	message = report.FormatBytes(int64(size)) + " of SQL"
	if len(left) > 0 {
		message += "; not read, because they allow no connections: " + strings.Join(left, ", ")
	}
	return true, message
}

// preparedStatement lists the transactions that were prepared when the copy ended.
const preparedStatement = `SELECT coalesce(json_agg(json_build_object('name', gid, 'database', database)), '[]') FROM pg_prepared_xacts`

// prepared is a transaction that waits for its second phase.
type prepared struct {
	Name     string `json:"name"`
	Database string `json:"database"`
}

// rollBackPrepared ends the prepared transactions of the copy. Their locks would keep
// pg_amcheck waiting for ever; who would end them is not here.
func (c connection) rollBackPrepared(ctx context.Context, databases []database) error {
	var all []prepared
	if err := c.query(ctx, preparedStatement, &all); err != nil {
		return err
	}
	for _, p := range all {
		if !slices.Contains(databases, database{Name: p.Database, Connectable: true}) {
			continue
		}
		name := "E'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(p.Name) + "'"
		if _, err := c.psql(ctx, p.Database, superuser, "ROLLBACK PREPARED "+name); err != nil {
			return err
		}
	}
	return nil
}

// amcheck compares every table with its indexes. What the image lacks has failed. pg_amcheck
// takes no connection string for all databases, so it has its options from a variable.
func (c connection) amcheck(ctx context.Context, databases []database) string {
	if err := c.rollBackPrepared(ctx, databases); err != nil {
		return "the prepared transactions of the copy cannot be ended: " + err.Error()
	}
	argv := []string{
		c.program("pg_amcheck"), "--host=" + c.socket, "--port=" + port, "--username=" + superuser, noPassword,
		"--all", "--install-missing", "--heapallindexed", "--parent-check",
	}
	stdout, stderr, code := c.programs.with("PGOPTIONS="+c.superuserOptions()).capture(ctx, argv)
	switch {
	case code == 0:
		return ""
	case code == notStarted:
		return "the image has no pg_amcheck, which PostgreSQL has from 14 on: set restorePod.image, or leave the check out"
	case strings.Contains(stdout+stderr, "extension \"amcheck\" is not available"), strings.Contains(stdout+stderr, "amcheck.control"):
		return "the image has no extension amcheck: set restorePod.image to one with the extensions of PostgreSQL, or leave the check out"
	}
	return "pg_amcheck found: " + complaint(stdout+"\n"+stderr, code)
}

// checksums reads every page. The server has ended.
func (c connection) checksums(ctx context.Context, data string, on bool) string {
	if !on {
		return "the cluster has no data checksums: enable them with pg_checksums --enable while it is stopped, or leave the check out"
	}
	stdout, stderr, code := c.programs.capture(ctx, []string{c.program("pg_checksums"), "--check", "-D", data})
	if code != 0 {
		return "pg_checksums found: " + complaint(stderr+"\n"+stdout, code)
	}
	return ""
}
