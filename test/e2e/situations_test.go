// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"os"
	"sync"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/monitor"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/page"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// testSituations brings databases into twelve situations, and compares what a person sees
// of each with docs/situations.md: kubectl, conditions, event, metric, alert, explain.
// Situations of one database follow each other, and the databases are beside each other.
func testSituations(t *testing.T) {
	watchEveryMinute(t)
	s := &situations{stack: startMonitoring(t, "e2e-situations"), seen: map[string]sighting{}}
	// Not t.Parallel: that runs as many tests as there are processors, and these mostly wait.
	var wg sync.WaitGroup
	for name, database := range map[string]func(*testing.T, *situations){
		"runs": tryRuns, "schedule": trySchedule, "archive": tryArchive, "certificate": tryCertificate,
	} {
		wg.Go(func() { t.Run(name, func(t *testing.T) { database(t, s) }) })
	}
	wg.Wait()
	if !t.Failed() {
		s.compare(t)
	}
}

// theSituations is the order of the page.
var theSituations = []string{
	"Healthy", "Never run", "Overdue", "Failing", "Held", "Suspended by hand in Argo", "Archiving stalled", "Runway short",
	"Retention failing", "Template missing", "Certificate about to expire", "Watch blind",
}

// situations is the story: what it has seen so far.
type situations struct {
	stack *monitor.Stack

	mu   sync.Mutex
	seen map[string]sighting // by the name of a situation; guarded by mu
}

// database is one PostgreSQL cluster of the story.
type database struct {
	*kit.Kit

	story *situations
	// schedule is that of the story, if the folder leaves it to the story.
	schedule string
}

// start makes a database with a folder of testdata.
func (s *situations) start(t *testing.T, name, folder string, replace ...string) *database {
	t.Helper()
	return s.startIn(t, kit.New(t, "e2e-situations-"+name), folder, replace...)
}

func (s *situations) startIn(t *testing.T, k *kit.Kit, folder string, replace ...string) *database {
	t.Helper()
	d := &database{Kit: k, story: s, schedule: notDue(time.Now())}
	d.Apply(t, folder, append(replace, "e2e-"+folder, d.Namespace, "SCHEDULE", d.schedule)...)
	// Without it nothing is committed but what the story writes, so that no commit is at risk.
	d.PSQL(t, kit.Primary, "ALTER SYSTEM SET autovacuum = off")
	d.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	return d
}

// stable replaces what differs between two runs of the story.
func (d *database) stable(t *testing.T) *page.Stable {
	t.Helper()
	stable := page.NewStable()
	stable.Call(d.Namespace, "cpo")
	stable.Call(d.schedule, "0 2-23/6 * * *")
	var runs wfv1.WorkflowList
	d.List(t, &runs)
	for _, run := range runs.Items {
		stable.Name(run.Name, "12345")
	}
	return stable
}

func (s *situations) note(name string, what sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[name] = what
}

// compare holds the page against the document. How long something took is in the document,
// and is not compared.
func (s *situations) compare(t *testing.T) {
	t.Helper()
	const document = program.Checkout + "/docs/situations.md"
	before, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.page().Into(string(before), page.NewStable())
	if err != nil {
		t.Fatal(err)
	}
	if !goldentest.Updating() {
		got = page.KeepTook(got, string(before))
	}
	goldentest.Check(t, document, got)
}

// page writes the table of all situations, and a section for each.
func (s *situations) page() *page.Page {
	p := page.New("situations")
	rows := [][]string{{"Situation", "Ready", "Reason", "Alert", "First word"}}
	for _, name := range theSituations {
		rows = append(rows, s.seen[name].row(name))
	}
	p.Table(page.Rows(rows))
	for _, name := range theSituations {
		s.seen[name].describe(p, name)
	}
	return p
}
