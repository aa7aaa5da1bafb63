// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// neverReached is how PostgreSQL ends if nothing was committed after the target.
const neverReached = "recovery ended before configured recovery target was reached"

// checkHeartbeat commits a row and deploys. A restore to the time of the heartbeat gives
// exactly the rows of then, and PostgreSQL refuses 200 ms later, because nothing else was
// committed: so the heartbeat is the newest restorable moment. It needs a database at rest,
// and the pod restored.
func checkHeartbeat(t *testing.T, k *kit.Kit) {
	t.Helper()
	k.PSQL(t, kit.Primary, "ALTER SYSTEM SET autovacuum = off") // It commits.
	k.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	k.PSQL(t, kit.Primary, "CREATE TABLE just_before AS SELECT clock_timestamp() AS at")
	want := k.Checksums(t, kit.Primary)
	d := awaitDeploy(t, k, k.SubmitPredeploy(t, hook...))
	beat := d.report.Heartbeat
	if beat == nil || beat.Timeline != d.report.Predeploy.Timeline || beat.Time.Before(d.report.Predeploy.Time) || beat.LastArchived == nil {
		t.Fatalf("the heartbeat is %+v, the restore point before it %+v", beat, d.report.Predeploy)
	}

	took := k.RestoreInto(t, "restored", restoreToTime(beat, 0)...)
	kit.CheckSameData(t, want, k.Checksums(t, "restored"))
	t.Logf("RESTORED to the heartbeat of %s, %.1f s", beat.Time.Format(time.RFC3339Nano), took.Seconds())

	k.RestoreFiles(t, "restored", restoreToTime(beat, 200*time.Millisecond)...)
	_ = k.TryStartPostgres(t.Context(), "restored", "") // pg_ctl may be done before the end of the recovery.
	wait.Until(t, 3*time.Minute, "PostgreSQL refuses to restore to 200 ms after the heartbeat", func() (bool, string) {
		out, err := k.TryExec(t.Context(), "restored", "grep", "--fixed-strings", neverReached, kit.PostgresLog)
		promoted, _ := k.IsPromoted(t.Context(), "restored")
		if promoted {
			t.Fatal("PostgreSQL has restored to 200 ms after the heartbeat: then that is not the newest restorable moment")
		}
		return strings.Contains(out, neverReached), fmt.Sprintf("%v %s", err, out)
	})
	awaitRestorable(t, k, beat, "repo1", "repo2")
}

// restoreToTime restores repo1 to some time after a heartbeat.
func restoreToTime(beat *report.Heartbeat, after time.Duration) []string {
	return []string{
		"pgbackrest", "restore", "--stanza=db", "--repo=1", "--type=time", "--target-action=promote",
		"--target-timeline=" + strconv.Itoa(beat.Timeline),
		"--target=" + beat.Time.Add(after).UTC().Format("2006-01-02 15:04:05.000000") + "+00",
	}
}

// awaitRestorable waits until the Stanza says of every repo that it can be restored to a
// heartbeat. A watch may have seen a later moment since.
func awaitRestorable(t *testing.T, k *kit.Kit, beat *report.Heartbeat, repos ...string) {
	t.Helper()
	wait.Until(t, time.Minute, fmt.Sprintf("%v can be restored to %s", repos, beat.Time), func() (bool, string) {
		found, says := 0, ""
		for _, repo := range k.Stanza(t).Status.Repos {
			is := repo.Restorable
			says += fmt.Sprintf("%s %+v; ", repo.Name, is)
			if is != nil && !is.Newest.Time.Before(beat.Time) && int(is.Timeline) == beat.Timeline {
				found++
			}
		}
		return found == len(repos), says
	})
}
