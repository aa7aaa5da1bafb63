// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/restore"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/credential"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/moment"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// newestDrill is in the Stanza all the time: what it has proven of a timeline is forgotten
// with it.
const newestDrill = `{"name":"newest","target":"Newest"}`

// testDrillMoments restores to random moments of a database that was itself restored to a
// moment by docs/restore.md: exactly the rows are there that were committed up to the moment
// on its timeline, whether a drill restores or a person with the command of restore plan.
// What was committed after the moment of that restore is only on the timeline that the
// database has left, and is not lost either.
func testDrillMoments(t *testing.T) {
	k := kit.New(t, "e2e-drill-moments")
	k.DescribeFailure(t)
	k.Apply(t, "drill", "e2e-drill", k.Namespace)
	rng := rand.New(rand.NewPCG(*storiesSeed, 16))

	var drilled report.Report
	var archiving time.Time
	left := writeDuring(t, k, "1", nil, func(t *testing.T) (first, last report.Report) {
		t.Helper()
		first, last = backUps(k, "repo1 full", "repo1 incr", "repo1 diff", "repo1 incr")(t)
		drilled, archiving = drillWhileWriting(t, k)
		return first, last
	})
	checkRPO(t, left, drilled, archiving)
	middle := left.from.Add(left.to.Sub(left.from) / 2)
	awaitAnswerable(t, k, left.to)
	newRestorePage(t, k).follow(t, "open", middle)
	kept := left.rowsAt(t, middle)
	if diff := cmp.Diff(kept, moment.ReadRows(t, k, kit.Primary)); diff != "" {
		t.Fatalf("rows of the database that was restored to %s (-want +got):\n%.2000s", middle, diff)
	}
	live := writeDuring(t, k, "2", kept, backUps(k, "repo1 incr"))
	live.from = lastFull(t, k)

	checkMoments(t, k, rng, 10, 40, left, live)
}

// drillWhileWriting drills while rows are written, of which only those before the restore
// point of kit.AwaitArchived are archived, and returns when that archiving ended.
func drillWhileWriting(t *testing.T, k *kit.Kit) (drilled report.Report, archiving time.Time) {
	t.Helper()
	k.SetDrills(t, "["+newestDrill+"]")
	k.AwaitArchived(t)
	text := k.PSQL(t, kit.Primary, "SELECT to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') FROM pg_stat_archiver")
	archiving, err := time.Parse("2006-01-02 15:04:05.000000", text)
	if err != nil {
		t.Fatal(err)
	}
	workflow, _ := k.GoodDrill(t, "cluster=cluster", "drill=newest")
	return kit.Report(t, workflow), archiving
}

// checkRPO compares the RPO that a drill has measured with the WAL: the time from the last
// commit that was archived to the heartbeat with which the drill began. The drill counts from
// the end of archiving, so it may say less, by the time that one segment took.
func checkRPO(t *testing.T, on timeline, drilled report.Report, archiving time.Time) {
	t.Helper()
	archived, err := on.log.LastEnd("archived")
	if err != nil {
		t.Fatal(err)
	}
	if drilled.Heartbeat == nil || drilled.Drill.RPOSeconds == nil {
		t.Fatalf("the report of the drill has no heartbeat or no RPO: %+v", drilled.Drill)
	}
	lost, said := drilled.Heartbeat.Time.Sub(archived).Seconds(), *drilled.Drill.RPOSeconds
	fmt.Printf("MEASURED RPO by the drill %.2f s, by the WAL %.2f s\n", said, lost)
	if said > lost {
		t.Errorf("the drill says that %.2f s of commits would have been lost, by the WAL it was %.2f s", said, lost)
	}
	if end := drilled.Heartbeat.LastArchived; end == nil || !end.Equal(archiving) {
		t.Errorf("the heartbeat says that archiving ended at %v, PostgreSQL says at %s", end, archiving)
	}
}

// testDrillMomentsElsewhere does a part of it in another store, with an encrypted repo
// beside the plain one, and with the oldest versions.
func testDrillMomentsElsewhere(t *testing.T) {
	k := kit.New(t, "e2e-drill-elsewhere")
	k.DescribeFailure(t)
	k.CreateNamespace(t)
	credentials := credential.New(k)
	credentials.Azure(t)
	k.Apply(t, "azure", newest.image, previous.image, "AZURE-KEY", credentials.Inline)
	k.SetDrills(t, "["+newestDrill+"]")
	written := writeDuring(t, k, "1", nil, backUps(k, "repo1 full", "repo2 full", "repo1 incr", "repo2 diff"))
	checkMoments(t, k, rand.New(rand.NewPCG(*storiesSeed, 16)), 4, 12, written)
	checkPlanWorkflow(t, k, written.from)
	k.SetDrills(t, `[{"name":"encrypted","repo":"repo2"}]`)
	k.GoodDrill(t, "cluster=cluster", "drill=encrypted")
}

// checkMoments restores to random moments of timelines, so often by drills and so often by
// the commands of restore plan.
func checkMoments(t *testing.T, k *kit.Kit, rng *rand.Rand, drills, plans int, timelines ...timeline) {
	t.Helper()
	awaitAnswerable(t, k, timelines[len(timelines)-1].to)
	for _, on := range timelines {
		fmt.Printf("MEASURED timeline %s: %d rows, moments in %.0f s\n", on.number, len(on.rows), on.to.Sub(on.from).Seconds())
	}
	for i := range drills {
		on := timelines[i%len(timelines)]
		drillTo(t, k, on, on.pick(rng))
	}
	k.CreateEmptyPod(t, "planned")
	for i := range plans {
		on := timelines[i%len(timelines)]
		restoreTo(t, k, on, on.pick(rng))
	}
}

// timeline is what was written on one timeline of a database, from its first to its last
// moment that must be restorable.
type timeline struct {
	number   string
	from, to time.Time
	// kept are the rows of the timeline before.
	kept []moment.Row
	rows []moment.Row
	log  moment.Log
}

// writeDuring writes rows while backups are made. The first moment is after the first
// backup, the last one is the newest heartbeat.
func writeDuring(t *testing.T, k *kit.Kit, number string, kept []moment.Row, backUp func(*testing.T) (first, last report.Report)) timeline {
	t.Helper()
	writer := moment.StartWriter(t, k)
	first, last := backUp(t)
	writer.Stop(t)
	on := timeline{number: number, kept: kept, from: first.Backup.Stop.Add(time.Second), to: last.Heartbeat.Time, log: writer.ReadLog(t, number)}
	on.rows = slices.DeleteFunc(moment.ReadRows(t, k, kit.Primary), func(row moment.Row) bool { return slices.Contains(kept, row) })
	return on
}

// backUps makes backups, each given as repo and type, and returns the first and last report.
func backUps(k *kit.Kit, backups ...string) func(*testing.T) (first, last report.Report) {
	return func(t *testing.T) (first, last report.Report) {
		t.Helper()
		for i, backup := range backups {
			repo, backupType, _ := strings.Cut(backup, " ")
			_, last = k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo="+repo, "type="+backupType))
			if i == 0 {
				first = last
			}
		}
		return first, last
	}
}

// lastFull is when the newest full backup began.
func lastFull(t *testing.T, k *kit.Kit) time.Time {
	t.Helper()
	for _, backup := range slices.Backward(k.Backups(t, kit.Primary)) {
		if backup.Type == cpo.Full {
			return time.Unix(backup.Timestamp.Start, 0)
		}
	}
	t.Fatal("there is no full backup")
	return time.Time{}
}

// pick chooses a moment.
func (on timeline) pick(rng *rand.Rand) time.Time {
	return on.from.Add(time.Duration(rng.Int64N(int64(on.to.Sub(on.from))))).Truncate(time.Microsecond)
}

// rowsAt are the rows that were committed up to a moment.
func (on timeline) rowsAt(t *testing.T, target time.Time) []moment.Row {
	t.Helper()
	rows, err := on.log.AtTime(target, on.rows)
	if err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(on.kept), rows...)
}

// restoreTo restores to a moment with the command of restore plan.
func restoreTo(t *testing.T, k *kit.Kit, on timeline, target time.Time) {
	t.Helper()
	answer := planTo(t, k, target)
	took := k.RestoreInto(t, "planned", "bash", "-c", answer.Restore+" --target-action=promote")
	if diff := cmp.Diff(on.rowsAt(t, target), moment.ReadRows(t, k, "planned")); diff != "" {
		t.Errorf("rows restored to %s, on timeline %s, with %s (-want +got):\n%.2000s", target, on.number, answer.Restore, diff)
	}
	if answer.Time != nil {
		fmt.Printf("MEASURED restore %.1f s, the plan said %.1f s\n", took.Seconds(), answer.Time.RestoreSeconds)
	}
}

// planTo asks for the plan of a moment, which must be reachable.
func planTo(t *testing.T, k *kit.Kit, target time.Time) restore.Answer {
	t.Helper()
	out := program.Run(t, program.Checkout, nil, "bin/operator", "restore", "plan", "cluster", "-n", k.Namespace, "--to", restoreplan.FormatTarget(target), "-o", "json")
	var answer restore.Answer
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if answer.Verdict != restore.Reachable {
		t.Fatalf("the plan to %s is %s: %s", target, answer.Verdict, answer.Message)
	}
	return answer
}

// drillTo has a drill restore to a moment, and count the rows.
func drillTo(t *testing.T, k *kit.Kit, on timeline, target time.Time) {
	t.Helper()
	want := on.rowsAt(t, target)
	var sum int64
	for _, row := range want {
		id, err := strconv.ParseInt(row.ID, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += id
	}
	k.SetDrills(t, fmt.Sprintf(`[`+newestDrill+`,{"name":"exact","sql":[{"name":"rows","database":"postgres","query":"SELECT count(*) || ' rows, ' || coalesce(sum(id), 0) FROM ledger","equals":"%d rows, %d"}]}]`, len(want), sum))
	_, drill := k.GoodDrill(t, "cluster=cluster", "drill=exact", "target="+restoreplan.FormatTarget(target))
	if drill.Moment == nil || !drill.Moment.Equal(target) {
		t.Errorf("the drill to %s has the moment %v", target, drill.Moment)
	}
}
