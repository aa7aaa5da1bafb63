// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/restore"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/moment"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// How many moments are restored by drills and by the commands of restore plan.
const drilledMoments, plannedMoments = 10, 40

// testDrillMoments restores to random moments while three backups were made: exactly the
// rows are there that were committed up to the moment, whether a drill restores or a person
// with the command of restore plan. Every moment lies between the end of the first backup
// and the newest heartbeat, so none may be refused.
func testDrillMoments(t *testing.T) {
	k := kit.New(t, "e2e-drill-moments")
	k.Apply(t, "drill", "e2e-drill", k.Namespace)
	writer := moment.StartWriter(t, k)
	_, first := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=diff"))
	_, last := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	writer.Stop(t)
	log, rows := writer.ReadLog(t), writer.ReadRows(t, kit.Primary)
	oldest, newest := first.Backup.Stop.Add(time.Second), last.Heartbeat.Time
	fmt.Printf("MEASURED %d rows, moments in %.0f s\n", len(rows), newest.Sub(oldest).Seconds())

	rng := rand.New(rand.NewPCG(*storiesSeed, 16))
	pick := func() time.Time {
		return oldest.Add(time.Duration(rng.Int64N(int64(newest.Sub(oldest))))).Truncate(time.Microsecond)
	}
	for range drilledMoments {
		drillTo(t, k, log, rows, pick())
	}
	k.CreateEmptyPod(t, "planned")
	for range plannedMoments {
		target := pick()
		want, err := log.AtTime(target, rows)
		if err != nil {
			t.Fatal(err)
		}
		answer := planTo(t, k, target)
		took := k.RestoreInto(t, "planned", "bash", "-c", answer.Restore+" --target-action=promote")
		if diff := cmp.Diff(want, writer.ReadRows(t, "planned")); diff != "" {
			t.Errorf("rows restored to %s with %s (-want +got):\n%.2000s", target, answer.Restore, diff)
		}
		if answer.Time != nil {
			fmt.Printf("MEASURED restore %.1f s, the plan said %.1f s\n", took.Seconds(), answer.Time.RestoreSeconds)
		}
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
func drillTo(t *testing.T, k *kit.Kit, log moment.Log, rows []moment.Row, target time.Time) {
	t.Helper()
	want, err := log.AtTime(target, rows)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, row := range want {
		id, err := strconv.ParseInt(row.ID, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += id
	}
	k.SetDrills(t, fmt.Sprintf(`[{"name":"exact","sql":[{"name":"rows","database":"postgres","query":"SELECT count(*) || ' rows, ' || coalesce(sum(id), 0) FROM ledger","equals":"%d rows, %d"}]}]`, len(want), sum))
	_, drill := k.GoodDrill(t, "cluster=cluster", "drill=exact", "target="+restoreplan.FormatTarget(target))
	if drill.Moment == nil || !drill.Moment.Equal(target) {
		t.Errorf("the drill to %s has the moment %v", target, drill.Moment)
	}
}
