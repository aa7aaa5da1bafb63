// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package moment

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// Writer writes rows into table ledger, in two sessions whose transactions overlap and
// commit in another order than they began. Some roll back. Table total has the number of
// rows that the first session has committed.
type Writer struct {
	kit   *kit.Kit
	ended chan string
	// begin is the place in the WAL before the first row.
	begin string
}

const tables = `ALTER SYSTEM SET wal_keep_size = '4GB';
CREATE TABLE IF NOT EXISTS ledger (id bigserial PRIMARY KEY, session int NOT NULL, xid text NOT NULL DEFAULT pg_current_xact_id()::text, note text NOT NULL DEFAULT md5(random()::text));
CREATE TABLE IF NOT EXISTS total (rows bigint NOT NULL);
INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT FROM total)`

// sessions of the Writer.
var sessions = []string{
	`INSERT INTO ledger (session) SELECT 1 FROM generate_series(1, 3);
UPDATE total SET rows = rows + 3;
IF random() < 0.1 THEN ROLLBACK; ELSE COMMIT; END IF;
PERFORM pg_sleep(0.03);`,
	// Its transactions are open most of the time.
	`INSERT INTO ledger (session) VALUES (2);
PERFORM pg_sleep(0.05);
INSERT INTO ledger (session) VALUES (2);
COMMIT;`,
}

// writers counts the sessions of the Writer.
const writers = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'writer%'"

// StartWriter makes the tables, unless the database has them, and begins to write. The WAL stays in the primary, so that
// it can be read at the end.
func StartWriter(t *testing.T, k *kit.Kit) *Writer {
	t.Helper()
	for statement := range strings.SplitSeq(tables, ";\n") { // ALTER SYSTEM is not for a transaction.
		k.PSQL(t, kit.Primary, statement)
	}
	k.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	w := &Writer{kit: k, ended: make(chan string, len(sessions)), begin: k.PSQL(t, kit.Primary, "SELECT pg_current_wal_insert_lsn()")}
	for i, session := range sessions {
		go func() {
			out, err := k.TryExec(t.Context(), kit.Primary, "psql", "-X", "-q", "-h", "/var/run/postgresql", "-U", "postgres", "-d", "postgres",
				"-c", fmt.Sprintf("SET application_name = 'writer %d'", i+1), "-c", "DO $$ BEGIN LOOP "+session+" END LOOP; END $$")
			w.ended <- fmt.Sprintf("%v %s", err, out)
		}()
	}
	want := fmt.Sprint(len(sessions))
	wait.Until(t, time.Minute, "the writers write", func() (bool, string) {
		select {
		case end := <-w.ended:
			t.Fatalf("a writer has ended: %s", end)
		default:
		}
		n := k.PSQL(t, kit.Primary, writers)
		return n == want, n + " sessions"
	})
	return w
}

// Stop ends the writing, and fails the test if a session has ended before.
func (w *Writer) Stop(t testing.TB) {
	t.Helper()
	if n := w.kit.PSQL(t, kit.Primary, writers); n != fmt.Sprint(len(sessions)) {
		t.Fatalf("%s writers are left: %s", n, <-w.ended)
	}
	w.kit.PSQL(t, kit.Primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'writer%'")
	for range sessions {
		<-w.ended
	}
}

// ReadLog reads the WAL that was written since the start, all on one timeline.
func (w *Writer) ReadLog(t testing.TB, timeline string) Log {
	t.Helper()
	end := w.kit.PSQL(t, kit.Primary, "SELECT pg_current_wal_flush_lsn()")
	printed := w.kit.Exec(t, kit.Primary, "pg_waldump", "--timeline="+timeline, "--path="+cpo.PGDataPath+"/pg_wal", "--start="+w.begin, "--end="+end, "--rmgr=Transaction", "--rmgr=XLOG")
	log, err := Parse(printed)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// ReadRows reads all rows in a pod. It fails the test if table total, which was updated in
// the same transactions, says another number.
func ReadRows(t testing.TB, k *kit.Kit, pod string) []Row {
	t.Helper()
	var rows []Row
	for line := range strings.Lines(k.PSQL(t, pod, "SELECT id, xid, note FROM ledger ORDER BY id")) {
		columns := strings.Split(strings.TrimSpace(line), "|")
		if len(columns) != 3 {
			t.Fatalf("%s prints %q for a row", pod, line)
		}
		rows = append(rows, Row{columns[0], columns[1], columns[2]})
	}
	if torn := k.PSQL(t, pod, "SELECT (SELECT rows FROM total) || ' in total, ' || count(*) || ' in the ledger' FROM ledger WHERE session = 1 HAVING count(*) <> (SELECT rows FROM total)"); torn != "" {
		t.Errorf("%s has half of a transaction: %s", pod, torn)
	}
	return rows
}
