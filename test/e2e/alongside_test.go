// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fleet"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/slots"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/standin"
)

// fewClusters is what a change must pass.
var fewClusters = fleet.Plan{
	Clusters: 5, For: 3 * time.Minute, Resync: 10 * time.Second, EventEvery: 25 * time.Second, KillEvery: 25 * time.Second,
}

// manyClusters is what the operator must stand.
var manyClusters = fleet.Plan{
	Clusters: 20, For: 10 * time.Minute, Resync: 10 * time.Second, EventEvery: 8 * time.Second, KillEvery: 25 * time.Second,
}

// testAlongside runs both operators on the same clusters while things happen to them and
// to the operators: no slot runs twice, none is missed, and no sync of CPO fails because
// of us. The verdict comes from a log of the Jobs and Workflows.
func testAlongside(t *testing.T, name string, plan fleet.Plan) {
	plan.Seed = *storiesSeed
	k := kit.New(t, "e2e-"+name)
	f := fleet.New(k, plan, t.Logf)
	if err := f.CPO.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	installAlongside(t, k)
	if err := f.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := watchSlots(t, k)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { f.CPO.Run(ctx) })

	f.Play(t.Context())
	for _, err := range f.Errors() {
		t.Error(err)
	}
	judge(t, f, log)
}

// installAlongside installs the operator beside CPO, and at the end of the test again
// without CPO.
func installAlongside(t *testing.T, k *kit.Kit) {
	t.Helper()
	t.Cleanup(func() { leaveCPO(t, k) })
	applyTree(t, program.Checkout, "deploy/overlays/alongside", k.Image)
	awaitOperator(t)
}

// watchSlots begins the log, whose file says afterwards what happened.
func watchSlots(t *testing.T, k *kit.Kit) *slots.Log {
	t.Helper()
	path := filepath.Join(os.TempDir(), k.Namespace+"-slots.jsonl")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	t.Logf("the log of Jobs and Workflows is %s", path)
	log := slots.NewLog(file)
	if err := log.Watch(t.Context(), k.Config, k.Namespace, fleet.ClusterLabel); err != nil {
		t.Fatal(err)
	}
	return log
}

// judge waits until everything has ended, and judges.
func judge(t *testing.T, f *fleet.Fleet, log *slots.Log) {
	t.Helper()
	var verdict slots.Verdict
	var errs []error
	wait.Try(5*time.Minute, func() (bool, string) {
		var entries []slots.Entry
		entries, errs = log.Entries()
		var err error
		if verdict, err = slots.Judge(entries, f.Periods()); err != nil {
			t.Fatal(err)
		}
		running := slices.ContainsFunc(entries, func(e slots.Entry) bool { return e.Phase == "" })
		return !running && len(verdict.Problems) == 0, ""
	})
	t.Logf("seed %d: %s; %d syncs of CPO, %s", f.Seed, verdict, f.CPO.Record.Syncs(), f.Summary())
	for _, err := range errs {
		t.Error(err)
	}
	for _, problem := range verdict.Problems {
		t.Error(problem)
	}
	if verdict.CPO == 0 || verdict.Ours == 0 {
		t.Errorf("the test is wrong: both must run slots: %s", verdict)
	}
	checkConflicts(t, f.CPO.Record)
}

// checkConflicts checks that no change of ours met a sync of CPO.
func checkConflicts(t *testing.T, record *standin.Record) {
	t.Helper()
	for _, conflict := range record.Conflicts() {
		t.Logf("SyncFailed: %+v", conflict)
		if slices.Contains(conflict.Managers, "stanzaflow") {
			t.Errorf("Stanzaflow caused a SyncFailed: %+v", conflict)
		}
	}
}
