// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	testingclock "k8s.io/utils/clock/testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/goldentest"
)

const golden = "testdata/metrics.txt"

// fixed is a Collector of the fixed state.
func fixed(t testing.TB) *Collector {
	t.Helper()
	state, _ := fixedState()
	return fixedCollector(state)
}

// fixedCollector is a Collector of some clusters that knows the passes of the fixed state.
func fixedCollector(stanzas Cache) *Collector {
	state, passes := fixedState()
	// The operator has known the clusters for an hour.
	clock := testingclock.NewFakeClock(now.Add(-time.Hour))
	c := New(Options{Stanzas: stanzas, Clock: clock, Leads: func() bool { return true }, Version: "v0.1.0", Mode: "standalone"})
	for i := range state {
		key := keyOf(&state[i])
		c.Passed(key, passes[key.String()])
	}
	clock.SetTime(now)
	return c
}

// scrapeOf is what Prometheus gets.
func scrapeOf(t testing.TB, c *Collector) string {
	t.Helper()
	page := NewPage(prometheus.NewRegistry(), c.options.Clock)
	page.Show(c)
	answer := httptest.NewRecorder()
	page.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if answer.Code != http.StatusOK {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func TestGolden(t *testing.T) {
	goldentest.Check(t, golden, scrapeOf(t, fixed(t)))
}

func TestPromlint(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrapeOf(t, fixed(t)))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestGoldenHasEveryFamily matters because documents and alerts are compared with it.
func TestGoldenHasEveryFamily(t *testing.T) {
	text := readFile(t, golden)
	names := []string{"stanzaflow_build_info", "stanzaflow_leader", "stanzaflow_run_step_duration_seconds"}
	for _, of := range families {
		names = append(names, of.name)
	}
	for _, name := range names {
		if !strings.Contains(text, "\n"+name+"{") && !strings.Contains(text, "\n"+name+" ") && !strings.Contains(text, "\n"+name+"_bucket{") {
			t.Errorf("the fixed state has no series of %s", name)
		}
	}
	if len(names) < 45 {
		t.Errorf("found %d families, which cannot be all", len(names))
	}
}

// series are the names and labels of a scrape, without values.
func series(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			found = append(found, line[:strings.LastIndexByte(line, ' ')])
		}
	}
	return found
}

// TestNothingThatMovesIsALabel changes every name, time, message and size that changes with
// the runs of a cluster. No series may come or go.
func TestNothingThatMovesIsALabel(t *testing.T) {
	before := healthy("shop", "orders")
	after := before.DeepCopy()
	moved, size := 0, int64(7)
	for _, b := range proven(after) {
		moved++
		b.Label, b.Workflow, b.WALStart, b.DatabaseBytes, b.RepoBytes = "another", "another", "another", size, size
		b.StopTime.Time = b.StopTime.Add(time.Minute)
	}
	for i := range after.Status.Schedules {
		entry := &after.Status.Schedules[i]
		entry.LastRun.Workflow, entry.LastRun.Message = "another", "another"
		entry.NextRunTime.Time, entry.LastRun.StartTime.Time = entry.NextRunTime.Add(time.Hour), entry.LastRun.StartTime.Add(time.Minute)
	}
	for i := range after.Status.Repos[0].Newest {
		listed := &after.Status.Repos[0].Newest[i]
		listed.Label, listed.Run, listed.RepoBytes = "another"+listed.Label, "another", size
	}
	after.Status.Archive.LastArchivedWAL, after.Status.Archive.BehindBytes = "another", size
	after.Status.Repos[0].Location, after.Status.Repos[0].Backups = "another", 41
	for i := range after.Status.Conditions {
		after.Status.Conditions[i].Message = "another"
	}
	if moved < 2 {
		t.Fatal("nothing has moved")
	}
	scrape := func(s stanzas, at time.Time) string {
		return scrapeOf(t, New(Options{Stanzas: s, Clock: testingclock.NewFakeClock(at), Leads: func() bool { return true }}))
	}
	was, is := scrape(stanzas{before}, now), scrape(stanzas{*after}, now.Add(time.Hour))
	if was == is {
		t.Error("no value has changed")
	}
	if diff := cmp.Diff(series(was), series(is)); diff != "" {
		t.Errorf("series (-before +after):\n%s", diff)
	}
}

// TestFollowerShowsNoClusters: two replicas would show each cluster twice.
func TestFollowerShowsNoClusters(t *testing.T) {
	c := fixed(t)
	c.options.Leads = func() bool { return false }
	want := []string{`stanzaflow_build_info{mode="standalone",version="v0.1.0"}`, "stanzaflow_leader"}
	if diff := cmp.Diff(want, series(scrapeOf(t, c))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestForgetsClusters that are gone, with their counters.
func TestForgetsClusters(t *testing.T) {
	c := fixed(t)
	state, _ := fixedState()
	c.options.Stanzas = state[1:]
	if text := scrapeOf(t, c); strings.Contains(text, `cluster="orders"`) || !strings.Contains(text, `cluster="billing"`) {
		t.Errorf("want only the clusters that are left:\n%s", text)
	}
	if len(c.passes) != len(state)-1 {
		t.Errorf("%d clusters are remembered", len(c.passes))
	}
}

// TestTwoSchedulesOfOneRepoAndType do not make the scrape of all clusters fail.
func TestTwoSchedulesOfOneRepoAndType(t *testing.T) {
	twice := healthy("shop", "orders")
	twice.Status.Schedules = append(twice.Status.Schedules, twice.Status.Schedules[0])
	c := New(Options{Stanzas: stanzas{twice}, Clock: testingclock.NewFakeClock(now), Leads: func() bool { return true }})
	scrapeOf(t, c)
}

// TestSeriesOfACluster bounds what one cluster costs. docs/metrics.md has the numbers.
func TestSeriesOfACluster(t *testing.T) {
	largest := archivingFails()
	largest.Status.Schedules, largest.Status.Repos = nil, nil
	is([3]string{"Suspended", "True", "SuspendedByUser"})(&largest.Status)
	var pass Pass
	for _, repo := range []string{"repo1", "repo2", "repo3", "repo4"} {
		largest.Status.Repos = append(largest.Status.Repos, stanzaflowv1alpha1.RepoStatus{
			Name: repo, OldestBackupTime: ago(time.Hour), LastBackup: backup(repo, "full", time.Hour, gb), FreeBytes: new(gb), VolumeBytes: gb,
			Restorable: &stanzaflowv1alpha1.RestorableStatus{},
		})
		for _, backupType := range []string{"full", "diff", "incr"} {
			schedule(repo, backupType, time.Hour, run(stanzaflowv1alpha1.RunRunning, time.Hour))(&largest.Status)
			entry := &largest.Status.Schedules[len(largest.Status.Schedules)-1]
			entry.PreviousRun, entry.LastRun.Progress = run(stanzaflowv1alpha1.RunSucceeded, 2*time.Hour), "45%"
			entry.LastBackup = backup(repo, backupType, time.Hour, gb)
			pass.Schedules = append(pass.Schedules, Schedule{Repo: repo, Type: backupType})
		}
	}
	usual := healthy("shop", "billing")
	counts := map[string]int{}
	for name, s := range map[string]stanzas{"usual": {usual}, "largest": {largest}} {
		c := New(Options{Stanzas: s, Clock: testingclock.NewFakeClock(now), Leads: func() bool { return true }})
		p := pass
		if name == "usual" {
			p.Schedules = []Schedule{{"repo1", "full"}, {"repo1", "incr"}}
		}
		p.Watched, p.WatchMaxAge, p.Runway = now, time.Minute, time.Hour
		c.Passed(keyOf(&s[0]), p)
		counts[name] = len(series(scrapeOf(t, c))) - 2
	}
	text := readFile(t, "../../docs/metrics.md")
	for name, count := range counts {
		if want := name + " cluster: " + strconv.Itoa(count) + " series"; !strings.Contains(text, want) {
			t.Errorf("docs/metrics.md does not say %q", want)
		}
	}
}

// TestDocumented compares docs/metrics.md with the golden file.
func TestDocumented(t *testing.T) {
	help := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^# HELP (\S+)`).FindAllStringSubmatch(readFile(t, golden), -1) {
		help[match[1]] = true
	}
	rows := map[string]bool{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(readFile(t, "../../docs/metrics.md"), -1) {
		rows[match[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(help)), slices.Sorted(maps.Keys(rows))); diff != "" {
		t.Errorf("docs/metrics.md has not the same metrics (-golden +document):\n%s", diff)
	}
}

func readFile(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
