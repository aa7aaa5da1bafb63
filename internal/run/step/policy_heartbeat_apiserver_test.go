//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// testHeartbeat: it is the one statement by which PostgreSQL writes without a restore
// point, so nothing that is close to it passes.
func testHeartbeat(t *testing.T, s *server) {
	argv := remote.PsqlCommand(remote.HeartbeatStatement)
	last := len(argv) - 1
	says := func(old, replacement string) []string {
		if !strings.Contains(argv[last], old) {
			t.Fatalf("the heartbeat has no %q: the test is wrong", old)
		}
		return at(last, strings.Replace(argv[last], old, replacement, 1), argv)
	}
	for _, container := range []string{cpo.ContainerPostgreSQL, cpo.ContainerRepoHost} {
		for _, method := range []string{"GET", "POST"} {
			if err := s.execBy(t, method, exec{container: container, argv: argv}); !admitted(err) {
				t.Errorf("%s in %s: %v", method, container, err)
			}
		}
	}
	for name, argv := range map[string][]string{
		"a statement after it":          at(last, argv[last]+"; DROP DATABASE shop", argv),
		"a statement before it":         says("=SELECT", "=DROP DATABASE shop; SELECT"),
		"a semicolon after it":          at(last, argv[last]+";", argv),
		"a line break after it":         at(last, argv[last]+"\n", argv),
		"a space before it":             says("=SELECT", "= SELECT"),
		"lines in one":                  at(last, strings.ReplaceAll(argv[last], "\n", " "), argv),
		"other letters":                 says("=SELECT", "=select"),
		"a comment in it":               says("clock_timestamp()", "clock_timestamp()/**/"),
		"without the transaction":       says("'xid', txid_current()::text,\n", ""),
		"another function of the ID":    says("txid_current()", "pg_current_xact_id()"),
		"the ID of another transaction": says("txid_current()", "txid_current_snapshot()"),
		"another time":                  says("clock_timestamp()", "now()"),
		"a function that switches WAL":  says("pg_current_wal_insert_lsn()", "pg_switch_wal()"),
		"a function that reads a file":  says("pg_walfile_name(pg_current_wal_insert_lsn())", "pg_read_file('/etc/passwd')"),
		"a function that promotes":      says("clock_timestamp()", "pg_promote()"),
		"the newest commit of a table":  says("FROM pg_stat_archiver", "FROM orders"),
		"another column":                says("last_archived_time FROM", "last_failed_time FROM"),
		"one more column":               says("'lsn', ", "'user', current_user, 'lsn', "),
		"in a WITH":                     says("=SELECT", "=WITH beat AS (SELECT 1) SELECT"),
		"in a transaction that ends":    says("=SELECT", "=ROLLBACK; SELECT"),
		"twice":                         with(argv, argv[last]),
		"and a file":                    with(argv, "--file=/tmp/x"),
		"into a file":                   with(argv, "--output=/tmp/x"),
		"for another database":          at(last-1, "--dbname=shop", argv),
		"for another user":              at(last-2, "--username=shop", argv),
		"on another host":               at(7, "--host=example.org", argv),
		"with a file of psql":           without("--no-psqlrc", argv),
		"that continues after an error": without("--set=ON_ERROR_STOP=1", argv),
		"with a variable":               with(argv, "--set=x=y"),
		"by another program":            at(0, "sh", argv),
		"by a path":                     at(0, "/tmp/psql", argv),
		"in the session of the watch":   at(last, argv[last], remote.ArchivingCommand()),
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				if err := s.execBy(t, method, exec{argv: argv}); !apierrors.IsForbidden(err) || !contains(err, "only the commands of the steps") {
					t.Errorf("%s %q: %v", method, argv, err)
				}
			}
		})
	}
	if err := s.exec(t, exec{user: watcher, argv: argv}); !refusedBy(err, "stanzaflow-exec") {
		t.Errorf("the watch may write a heartbeat: %v", err)
	}
	if err := s.exec(t, exec{user: strongRunner, argv: argv}); !contains(err, "in their own namespace only") {
		t.Errorf("the runner of another namespace: %v", err)
	}
}
