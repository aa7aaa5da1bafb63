// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestStatusesOrder: who needs somebody comes first.
func TestStatusesOrder(t *testing.T) {
	t.Parallel()
	var all []*stanzaflowv1alpha1.Stanza
	add := func(name string, change ...func(*Facts)) {
		f := world(t, change...)
		f.Stanza.Name = name
		all = append(all, f.Stanza)
	}
	add("fine")
	add("blind", situations["watch-blind"]...)
	add("failing", situations["failing"]...)
	add("failing-longer", append(situations["failing"], func(f *Facts) { f.Stanza.Status.LastBackup = backupStatus("old", "full", "old", day(20, 2, 30)) })...)
	add("not-recoverable", situations["backup-removed"]...)
	add("certificate", situations["certificate-expires"]...)
	add("no-status", situations["operator-down"]...)
	add("also-fine")
	add("unmanaged", condition(vocab.ConditionBackupHealthy, metav1.ConditionUnknown, vocab.ReasonNotManaged, "The operator makes no backups"))
	var names []string
	for _, s := range Statuses(all, now) {
		names = append(names, s.Cluster)
	}
	want := []string{"not-recoverable", "failing-longer", "failing", "no-status", "blind", "certificate", "also-fine", "fine", "unmanaged"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStatusGuessesNothing: what nobody has observed is nil, not zero.
func TestStatusGuessesNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Facts)
		want   string
	}{
		"commits at risk":     {func(*Facts) {}, "4m"},
		"nothing at risk":     {func(f *Facts) { f.Stanza.Status.Recoverable.AtRiskSince = nil }, "0s"},
		"blind":               {func(f *Facts) { f.Stanza.Status.Archive.BlindTime = at(15, 0) }, unknownText},
		"no watch":            {func(f *Facts) { f.Stanza.Status.Archive, f.Stanza.Status.Recoverable = nil, nil }, unknownText},
		"no window":           {func(f *Facts) { f.Stanza.Status.Recoverable = &stanzaflowv1alpha1.RecoverableStatus{} }, unknownText},
		"a clock that is off": {func(f *Facts) { f.Stanza.Status.Recoverable.AtRiskSince = at(15, 51) }, "0s"},
	} {
		if got := StatusOf(world(t, tc.change).Stanza, now).rpoCell().Text; got != tc.want {
			t.Errorf("%s: RPO is %s, want %s", name, got, tc.want)
		}
	}
}

// TestListings: the Stanza has the newest ten backups, the report of a watch the labels of
// all. What is missing is said.
func TestListings(t *testing.T) {
	t.Parallel()
	const older = "20261101-023000F"
	more := func(f *Facts) { f.Stanza.Status.Repos[0].Backups = 5 }
	reported := func(change func(*report.Sample)) func(*Facts) {
		return func(f *Facts) {
			s := sample()
			repo := s.Repos["repo1"]
			repo.Labels = append([]string{older}, repo.Labels...)
			s.Repos["repo1"] = repo
			change(&s)
			f.Watches = []*wfv1.Workflow{watch(at(15, 47), s)}
		}
	}
	for name, tc := range map[string]struct {
		change []func(*Facts)
		labels int
		note   string
	}{
		"the Stanza has all":        {nil, 4, ""},
		"the report has all":        {[]func(*Facts){more, reported(func(*report.Sample) {})}, 5, ""},
		"no report":                 {[]func(*Facts){more, func(f *Facts) { f.Watches = nil }}, 4, "repo1 holds 1 more backups that are older: no watch of the namespace has succeeded"},
		"a report that is broken":   {[]func(*Facts){more, func(f *Facts) { spoil(f.Watches[0]) }}, 4, "cannot be read"},
		"a cluster without answer":  {[]func(*Facts){more, reported(func(s *report.Sample) { s.Repos, s.Message = nil, "the repo host is not ready" })}, 4, "the repo host is not ready"},
		"nothing is known of them":  {[]func(*Facts){func(f *Facts) { f.Stanza.Status.Repos[0].Newest, f.Watches = nil, nil }}, 0, "the backups in repo1 are not known"},
		"the repo is really empty":  {[]func(*Facts){emptied}, 0, ""},
		"without a watch, one once": {[]func(*Facts){func(f *Facts) { r := &f.Stanza.Status.Repos[0]; r.Backups, r.Newest, f.Watches = 0, nil, nil }}, 0, "the backups in repo1 are not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := world(t, tc.change...)
			listings := Listings(f.Stanza, f.Watches)
			if got := len(listings[0].Backups); got != tc.labels {
				t.Errorf("%d backups, want %d", got, tc.labels)
			}
			notes := strings.Join(Notes(listings), "; ")
			if tc.note == "" != (notes == "") || !strings.Contains(notes, tc.note) {
				t.Errorf("note %q, want %q", notes, tc.note)
			}
		})
	}
}

// emptied has a repo without backups.
func emptied(f *Facts) {
	f.Stanza.Status.Repos[0] = stanzaflowv1alpha1.RepoStatus{Name: "repo1"}
	f.Watches = []*wfv1.Workflow{watch(at(15, 47), report.Sample{Time: now, Repos: map[string]report.RepoSample{"repo1": {}}})}
}

func spoil(w *wfv1.Workflow) {
	for id, node := range w.Status.Nodes {
		node.Outputs.Parameters[0].Value = wfv1.AnyStringPtr("no report")
		w.Status.Nodes[id] = node
	}
}

func TestListingsSayWhoHasProvenABackup(t *testing.T) {
	t.Parallel()
	f := world(t)
	var got []string
	for _, b := range Listings(f.Stanza, nil)[0].Backups {
		got = append(got, b.Label+" "+b.Proven)
	}
	want := []string{"20261128-023011F Yes", "20261128-023011F_20261128-120000I No", label + " Yes", incr + " Yes"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// fates is what a retention does, a line for each backup.
func fates(r RepoRetention) string {
	var lines []string
	for _, b := range r.Backups {
		word := "keep"
		if b.Removed {
			word = "remove"
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s", word, b.Label, b.Why))
	}
	return strings.Join(append(lines, r.After, r.Recoverable, r.Unknown, strings.Join(r.Notes, "; ")), "\n")
}

func TestExpire(t *testing.T) {
	t.Parallel()
	options := func(global map[string]string) func(*Facts) {
		return func(f *Facts) { f.Postgresql.PgBackRest.Global = global }
	}
	for name, tc := range map[string]struct {
		after  string
		change []func(*Facts)
		want   []string
		not    string
	}{
		"the next run is an incr": {AfterNext, nil, []string{"after the next run, incr at 2026-11-29T16:00:00Z, in 10m", "keep 20261128-023011F: any moment from its end", "keep (the incr that is made)"}, "remove"},
		"after a full":            {"full", nil, []string{"remove 20261128-023011F: repo1-retention-full=2", "remove 20261128-023011F_20261128-120000I: builds on 20261128-023011F", "any moment from 2026-11-29T02:42:00Z, the end of " + label}, ""},
		"now":                     {AfterNone, nil, []string{"now", "keep"}, "made"},
		"no schedule": {
			AfterNext,
			[]func(*Facts){func(f *Facts) { f.Stanza.Status.Schedules = nil }},
			[]string{"now, because no schedule of the repo is about to fire"},
			"remove",
		},
		"nothing is set":             {"full", []func(*Facts){options(nil)}, []string{"repo1-retention-full is not set: pgBackRest keeps every full"}, "remove"},
		"an old name":                {"full", []func(*Facts){options(map[string]string{"retention-full": "1"})}, []string{"remove 20261128-023011F: repo1-retention-full=1", "remove " + label}, ""},
		"of another repo":            {"full", []func(*Facts){options(map[string]string{"repo2-retention-full": "1"})}, []string{"is not set"}, "remove"},
		"by time":                    {AfterNone, []func(*Facts){options(map[string]string{"repo1-retention-full": "1", "repo1-retention-full-type": "time"})}, []string{"keep 20261128-023011F"}, "remove"},
		"WAL of one full":            {AfterNone, []func(*Facts){options(map[string]string{"repo1-retention-full": "2", "repo1-retention-archive": "1"})}, []string{"keep 20261128-023011F: its own end, no later moment", "and the ends of 2 older backups"}, ""},
		"a Secret":                   {AfterNone, []func(*Facts){func(f *Facts) { f.Postgresql.PgBackRest.Secret = "orders-s3" }}, []string{"files of Secret orders-s3 are not read"}, ""},
		"no number":                  {AfterNone, []func(*Facts){options(map[string]string{"repo1-retention-full": "secret-7"})}, []string{"repo1-retention-full is not a number"}, "secret-7"},
		"not readable":               {AfterNone, []func(*Facts){func(f *Facts) { f.Postgresql, f.Unknown = nil, []string{"you may not get postgresqls"} }}, []string{"cannot be read: you may not get postgresqls"}, "keep"},
		"gone":                       {AfterNone, []func(*Facts){func(f *Facts) { f.Postgresql, f.Gone = nil, true }}, []string{"there is no such postgresql"}, "keep"},
		"not all backups are known":  {AfterNone, []func(*Facts){func(f *Facts) { f.Stanza.Status.Repos[0].Backups, f.Watches = 12, nil }}, []string{"not all backups of repo1 are known", "pgbackrest expire --stanza=db --repo=1 --dry-run"}, "keep"},
		"the repo is empty":          {AfterNone, []func(*Facts){emptied}, []string{"holds no backup"}, "keep"},
		"ages by labels, by time":    {AfterNone, []func(*Facts){manyBackups, options(map[string]string{"repo1-retention-full": "1", "repo1-retention-full-type": "time"})}, []string{"taken from their labels", "remove 20261101-023000F: repo1-retention-full=1 days"}, ""},
		"ages by labels, by count":   {AfterNone, []func(*Facts){manyBackups}, []string{"remove 20261101-023000F: repo1-retention-full=2"}, "labels, as UTC"},
		"an incr without any backup": {"incr", []func(*Facts){options(map[string]string{"repo1-retention-full": "1"})}, []string{"remove 20261128-023011F", "as if a incr had been made now"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := fates(Expire(world(t, tc.change...), tc.after)[0])
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("it does not say %q:\n%s", want, got)
				}
			}
			if tc.not != "" && strings.Contains(got, tc.not) {
				t.Errorf("it says %q:\n%s", tc.not, got)
			}
		})
	}
}

// manyBackups has a backup of which only the label is known.
func manyBackups(f *Facts) {
	f.Stanza.Status.Repos[0].Backups = 5
	s := sample()
	repo := s.Repos["repo1"]
	repo.Labels = append([]string{"20261101-023000F"}, repo.Labels...)
	s.Repos["repo1"] = repo
	f.Watches = []*wfv1.Workflow{watch(at(15, 47), s)}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	f := world(t)
	waiting := run("pgbackrest-orders-repo1-incr-x", "incr", wfv1.WorkflowRunning, at(15, 49), nil)
	waiting.Status.Synchronization = &wfv1.SynchronizationStatus{Mutex: &wfv1.MutexStatus{Waiting: []wfv1.MutexHolding{{Mutex: "m", Holder: "shop/other/node"}}}}
	foreign := run("of-another-cluster", "incr", wfv1.WorkflowSucceeded, at(15, 0), at(15, 1))
	foreign.Labels[vocab.LabelCluster] = "customers"
	f.Stanza.Status.LastRun = runStatus("pgbackrest-orders-repo1-full-y", "full", stanzaflowv1alpha1.RunRunning, at(15, 40), nil)
	f.Stanza.Status.LastRun.Progress = "45%"
	running := run("pgbackrest-orders-repo1-full-y", "full", wfv1.WorkflowRunning, at(15, 40), nil)
	capped := run("pgbackrest-orders-repo1-diff-z", "diff", wfv1.WorkflowRunning, at(15, 48), nil)
	capped.Status.Nodes = wfv1.Nodes{"a": {
		Phase: wfv1.NodePending, Message: "Waiting for argo/ConfigMap/pgbackrest-caps/all lock. Lock status: 0/3",
		SynchronizationStatus: &wfv1.NodeSynchronizationStatus{Waiting: "argo/ConfigMap/pgbackrest-caps/all"},
	}}
	shown := runStatus(capped.Name, "diff", stanzaflowv1alpha1.RunRunning, at(15, 48), nil)
	shown.WaitsFor = "one of the 3 slots of cap all (ConfigMap argo/pgbackrest-caps), position 17 of 40"
	f.Stanza.Status.Schedules = append(f.Stanza.Status.Schedules, stanzaflowv1alpha1.ScheduleStatus{Repo: "repo1", Type: "diff", LastRun: shown})
	var got []string
	for _, r := range Runs([]*stanzaflowv1alpha1.Stanza{f.Stanza}, append(f.Workflows, waiting, foreign, running, capped, f.Watches[0]), now) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s took %s deleted %v %s", r.Workflow, r.resultText(), r.Label, r.took(now), r.Deleted, r.message())))
	}
	want := []string{
		"pgbackrest-orders-repo1-incr-x Waiting  took 60s deleted false waits for run other",
		"pgbackrest-orders-repo1-diff-z Waiting  took 2m deleted false waits for one of the 3 slots of cap all (ConfigMap argo/pgbackrest-caps), position 17 of 40",
		"pgbackrest-orders-repo1-full-y Running 45%  took 10m deleted false",
		incrRun + " Succeeded " + label + " took 60s deleted false",
		fullRun + " Succeeded " + label + " took 12m deleted false",
		"pgbackrest-orders-repo1-full-1795833000 Succeeded 20261128-023011F took 12m deleted true",
		"pgbackrest-orders-repo1-full-1795746600 Failed  took 21m deleted true pgbackrest backup failed: [082] archive-timeout",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExplainNamesTheWatch: each way in which a watch is blind has its own link.
func TestExplainNamesTheWatch(t *testing.T) {
	t.Parallel()
	blind := condition(vocab.ConditionArchiving, metav1.ConditionUnknown, vocab.ReasonBlind, "No watch has reported")
	for name, tc := range map[string]struct {
		change func(*Facts)
		want   string
	}{
		"no CronWorkflow":     {func(f *Facts) { delete(f.CronWorkflows, vocab.WatchTemplate) }, "pgbackrest-watch does not exist, and the operator should have made it"},
		"suspended":           {func(f *Facts) { f.CronWorkflows[vocab.WatchTemplate].Spec.Suspend = true }, "somebody has suspended it in Argo"},
		"never fired":         {func(f *Facts) { f.CronWorkflows[vocab.WatchTemplate].Status.LastScheduledTime = nil }, "has never fired"},
		"a watch that failed": {func(f *Facts) { f.Watches[0].Status.Phase, f.Watches[0].Status.Message = wfv1.WorkflowFailed, "x509" }, "Failed 3m ago, x509"},
		"a watch that runs":   {func(f *Facts) { f.Watches[0].Status.Phase = wfv1.WorkflowRunning }, "Running since"},
		"not asked": {func(f *Facts) {
			f.Watches[0] = watch(at(15, 47), report.Sample{Time: now, Message: "no pod is the primary"})
		}, "no pod is the primary"},
		"another cluster":      {func(f *Facts) { f.Cluster = "invoices" }, "does not have the cluster"},
		"the operator is late": {func(*Facts) {}, "the operator should have taken it over"},
	} {
		var text []string
		for _, finding := range Explain(world(t, blind, tc.change)).Findings {
			for _, link := range finding.Chain {
				text = append(text, link.Fact)
			}
		}
		if all := strings.Join(text, "\n"); !strings.Contains(all, tc.want) {
			t.Errorf("%s: it does not say %q:\n%s", name, tc.want, all)
		}
	}
}

// TestExplainNoticesAnOperatorThatIsDown: a status that nobody renews is not believed.
func TestExplainNoticesAnOperatorThatIsDown(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Facts){
		"the end of a run": func(f *Facts) {
			f.Stanza.Status.LastRun = runStatus(incrRun, "incr", stanzaflowv1alpha1.RunRunning, at(15, 30), nil)
		},
		"a change of the spec":  func(f *Facts) { f.Stanza.Generation = 2 },
		"a late renewal":        func(f *Facts) { f.Stanza.Status.Certificate = certificate(-2 * time.Hour) },
		"an older run, nothing": nil,
		"a renewal that is due": nil,
	} {
		f := world(t, func(f *Facts) { f.Stanza.Status.Certificate = certificate(-time.Minute) })
		if change != nil {
			change(&f)
		}
		if got := len(Explain(f).Findings); got > 0 != (change != nil) {
			t.Errorf("%s: %d findings", name, got)
		}
	}
}

func certificate(renewal time.Duration) *stanzaflowv1alpha1.CertificateStatus {
	return &stanzaflowv1alpha1.CertificateStatus{NotAfter: metav1.NewTime(now.AddDate(0, 1, 0)), RenewalTime: new(metav1.NewTime(now.Add(renewal)))}
}
