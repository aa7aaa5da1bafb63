// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// harmlessDrills has queries that show that the copy could do harm: its subscription is
// enabled, and it has the job.
const harmlessDrills = `[{"name":"newest","target":"Newest","checks":["Dump","Amcheck"],"sql":[
 {"name":"subscription","database":"sub","query":"SELECT count(*) FROM pg_subscription WHERE subenabled","equals":"1"},
 {"name":"job","database":"postgres","query":"SELECT count(*) FROM cron.job WHERE active","equals":"1"}]}]`

// pgCronLoaded is what PostgreSQL logs if pg_cron is loaded and gets no worker.
const pgCronLoaded = "too many background workers"

// testDrillHarmless has a database with a replication slot and a job of pg_cron. The same
// backup, started by hand, takes the slot and runs the job. A drill does neither, whether
// the slot is in use or free; it writes nothing into the repo, listens on no port, has no
// token, and does not make a backup wait.
func testDrillHarmless(t *testing.T) {
	k := kit.New(t, "e2e-drill-harmless")
	k.DescribeFailure(t)
	k.Apply(t, "drill", "e2e-drill", k.Namespace)
	p := newProduction(t, k)
	k.SetDrills(t, harmlessDrills)
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	p.tryByHand(t)

	before := k.RepoFiles(t, kit.Primary, "1")
	p.drill(t, p.address)
	kit.CheckUnchanged(t, before, k.RepoFiles(t, kit.Primary, "1"))
	p.checkReplicates(t, 1)

	giveBack := p.freeSlot(t)
	backup := k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr")
	drill := p.drill(t, nobody, backup)
	workflow, _ := k.AwaitSuccess(t, backup)
	checkSameTime(t, workflow, drill)
	giveBack()
	p.awaitHolder(t, p.address)
	p.checkReplicates(t, 2)
}

// tryByHand starts the same data with workers: only if that does harm can the drill be
// harmless. It archives nothing.
func (p *production) tryByHand(t *testing.T) {
	t.Helper()
	began := time.Now()
	p.CreateEmptyPod(t, "by-hand")
	p.RestoreInto(t, "by-hand", "pgbackrest", "restore", "--stanza=db", "--repo=1")
	address := p.addressOf(t, "by-hand")
	giveBack := p.freeSlot(t)
	p.awaitHolder(t, address)
	p.awaitEffect(t, address)
	if diff := cmp.Diff([]string{address}, p.strangers(t, began)); diff != "" {
		t.Errorf("the log of production does not show exactly the copy that was started by hand (-want +got):\n%s", diff)
	}
	p.Exec(t, "by-hand", "pg_ctl", "-D", cpo.PGDataPath, "-m", "fast", "-w", "stop")
	p.DeletePod(t, "by-hand")
	giveBack()
	p.awaitHolder(t, p.address)
	fmt.Printf("MEASURED the copy that was started by hand, %s, has taken the slot and run the job, %.0f s\n", address, time.Since(began).Seconds())
}

// drill runs a drill, beside other runs, and watches all that it could do. holder must have
// the slot all the time.
func (p *production) drill(t *testing.T, holder string, beside ...string) *wfv1.Workflow {
	t.Helper()
	if out, err := p.dial(t, p.address); err != nil {
		t.Fatalf("the test is wrong: port 5432 of production must be open: %v %s", err, out)
	}
	began := time.Now()
	name := p.SubmitDrill(t, "cluster=cluster", "drill=newest")
	seen := p.watch(t, name, beside)
	log := program.Kubectl(t, "logs", "-n", p.Namespace, "-l", kit.LabelWorkflow+"="+name, "-c", "main", "--tail=-1")
	fmt.Printf("MEASURED drill %s: %+v\n", name, seen)
	defer func() {
		if t.Failed() {
			t.Logf("log of drill %s:\n%s", name, log)
		}
	}()
	workflow, r := p.AwaitSuccess(t, name)
	if !strings.Contains(log, pgCronLoaded) {
		t.Errorf("pg_cron was not loaded in the drill, so it could run no job: the log has no %q", pgCronLoaded)
	}
	if r.Drill == nil || r.Drill.Name != "newest" {
		t.Errorf("the report of the drill says %+v", r)
	}
	if len(seen.holders) != 1 || seen.holders[holder] == 0 {
		t.Errorf("the slot was held by %v while the drill ran, want only %q; production is %s, the drill %s", seen.holders, holder, p.address, seen.address)
	}
	if got := p.sources(t, began); got != p.address {
		t.Errorf("the job ran in %q while the drill ran, want only %s; the drill is %s", got, p.address, seen.address)
	}
	if got := p.strangers(t, began); len(got) > 0 {
		t.Errorf("%v have connected to production while the drill ran; the drill is %s", got, seen.address)
	}
	if seen.open > 0 || seen.refused == 0 {
		t.Errorf("port 5432 of the drill, %s, was open %d times and refused %d times, want only refused; last answer: %s", seen.address, seen.open, seen.refused, seen.answer)
	}
	if !seen.tokenSeen || seen.token != "" {
		t.Errorf("the files of the ServiceAccount in the container of the drill: %q, looked: %t", seen.token, seen.tokenSeen)
	}
	if len(seen.waiting) > 0 {
		t.Errorf("these runs have waited for a mutex: %v", seen.waiting)
	}
	return workflow
}

// checkSameTime checks that the pods of two runs ran at the same time.
func checkSameTime(t *testing.T, a, b *wfv1.Workflow) {
	t.Helper()
	beganA, beganB := firstPod(a), firstPod(b)
	text := fmt.Sprintf("%s from %s to %s, %s from %s to %s", a.Name, beganA.Format(time.TimeOnly), a.Status.FinishedAt.UTC().Format(time.TimeOnly), b.Name, beganB.Format(time.TimeOnly), b.Status.FinishedAt.UTC().Format(time.TimeOnly))
	fmt.Println("MEASURED " + text)
	if beganA.IsZero() || beganB.IsZero() || !beganA.Before(b.Status.FinishedAt.Time) || !beganB.Before(a.Status.FinishedAt.Time) {
		t.Errorf("one has waited for the other: %s", text)
	}
}

// firstPod is when the first pod of a run began.
func firstPod(workflow *wfv1.Workflow) time.Time {
	var first time.Time
	for _, node := range workflow.Status.Nodes {
		if node.Type == wfv1.NodeTypePod && !node.StartedAt.IsZero() && (first.IsZero() || node.StartedAt.Time.Before(first)) {
			first = node.StartedAt.UTC()
		}
	}
	return first
}
