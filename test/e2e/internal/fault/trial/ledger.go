// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"
)

const fillerDigest = "SELECT count(*) || ' ' || sum(hashtextextended(f::text, 1)::numeric) FROM filler f"

// startWriter writes rows one after the other until stop is called. A restore must have
// all of them up to some moment.
func (w *World) startWriter(t testing.TB) (stop func()) {
	t.Helper()
	const loop = `DO $$ BEGIN LOOP
INSERT INTO ledger SELECT id, md5(id::text) FROM (SELECT coalesce(max(id), 0) + 1 AS id FROM ledger) next;
COMMIT; PERFORM pg_sleep(0.2); END LOOP; END $$`
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			// A writer that has lost its stream may still write; the next waits for it.
			_, _ = w.Kit.TryExec(ctx, w.Primary, "psql", "-X", "-q", "-h", "/var/run/postgresql", "-U", "postgres",
				"-c", "SET application_name = 'writer'", "-c", "SELECT pg_advisory_lock(1)", "-c", loop)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		w.RetryPSQL(t, w.Primary, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'writer'")
	}
}

// readLedger counts the rows of the ledger. It is whole if no row is damaged, and none
// is missing in between.
func (w *World) readLedger(t testing.TB, pod string) (rows int, whole bool) {
	t.Helper()
	answer := w.RetryPSQL(t, pod, "SELECT count(*) || ' ' || (count(*) = coalesce(max(id), 0) AND coalesce(bool_and(noise = md5(id::text)), true)) FROM ledger")
	count, sound, _ := strings.Cut(answer, " ")
	rows, err := strconv.Atoi(count)
	if err != nil {
		t.Fatalf("the ledger in %s: %s", pod, answer)
	}
	return rows, sound == "true"
}
