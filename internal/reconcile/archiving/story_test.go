// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var (
	shop = types.NamespacedName{Namespace: "db", Name: "shop"}
	day  = time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)
)

// at is a moment of the day, such as 12:05.
func at(clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err)
	}
	return day.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute)
}

// story is a cluster whose operator folds one watch after the other.
type story struct {
	t      testing.TB
	memory *Memory
	before Before
	repos  []stanzaflowv1alpha1.RepoStatus
	// spec and schedules of the cluster.
	spec      stanzaflowv1alpha1.Objectives
	schedules []stanzaflowv1alpha1.ScheduleStatus
	lastRun   *stanzaflowv1alpha1.RunStatus
	last      Result
	lines     []string
}

// begin is a cluster with a proven full backup of 02:31 and a schedule for each night.
func begin(t testing.TB) *story {
	t.Helper()
	return &story{
		t: t, memory: NewMemory(at("11:00")), before: Before{Waiting: at("11:00")},
		repos:     []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Backups: 1, Fulls: 1, OldestBackupTime: stamp(at("02:31")), LastBackup: backupOf("20261122-023000F", "02:31")}},
		schedules: []stanzaflowv1alpha1.ScheduleStatus{{Repo: "repo1", Type: "full", Schedule: "30 2 * * *"}},
	}
}

func backupOf(label, stop string) *stanzaflowv1alpha1.BackupStatus {
	return &stanzaflowv1alpha1.BackupStatus{Label: label, Type: "full", StartTime: *stamp(at(stop).Add(-time.Minute)), StopTime: *stamp(at(stop))}
}

// sample is a healthy answer at a moment: segment 5 is archived, and the database works
// in segment 6 of 16 MB.
func sample(clock string, change ...func(*report.Sample)) report.Sample {
	archived := at(clock).Add(-2 * time.Minute)
	s := report.Sample{
		Time: at(clock),
		WAL: &report.WAL{
			Timeline: 1, LSN: "0/6000100", Snapshot: "700:700:", LastArchived: "000000010000000000000005", LastArchivedTime: &archived,
			Bytes: 64 << 20, SegmentBytes: 16 << 20,
		},
		Volume: &report.Volume{Size: 40 << 30, Free: 20 << 30},
		Repos:  map[string]report.RepoSample{"repo1": repo("000000010000000000000005", "20261122-023000F 02:31")},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// repo lists backups, the oldest first, each with its label and the time of its end.
func repo(archiveMax string, backups ...string) report.RepoSample {
	r := report.RepoSample{Cipher: "none", ArchiveMin: "000000010000000000000001", ArchiveMax: archiveMax}
	for _, b := range backups {
		label, stop, _ := strings.Cut(b, " ")
		r.Labels = append(r.Labels, label)
		r.Fulls++
		if r.Oldest == nil {
			r.Oldest = new(at(stop))
		}
		listed := stanzaflowv1alpha1.ListedBackup{Label: label, Type: "full", StartTime: metav1.NewTime(at(stop).Add(-time.Minute)), StopTime: metav1.NewTime(at(stop))}
		r.Newest = append([]stanzaflowv1alpha1.ListedBackup{listed}, r.Newest...)
	}
	return r
}

// wal sets where the database writes, what is committed, and the newest archived segment,
// which the repos have too.
func wal(lsn, snapshot, archived, when string) func(*report.Sample) {
	return func(s *report.Sample) {
		s.WAL.LSN, s.WAL.Snapshot, s.WAL.LastArchived, s.WAL.LastArchivedTime = lsn, snapshot, archived, new(at(when))
		for name, repo := range s.Repos {
			repo.ArchiveMax = archived
			s.Repos[name] = repo
		}
	}
}

// failed is an attempt that has failed at a moment, with segments that wait.
func failed(segment, when string, waiting int32) func(*report.Sample) {
	return func(s *report.Sample) {
		s.WAL.LastFailed, s.WAL.LastFailedTime, s.WAL.FailedCount, s.WAL.Waiting = segment, new(at(when)), 3, waiting
	}
}

// unreachable is a sample without an answer.
func unreachable(clock, why string) report.Sample {
	return report.Sample{Time: at(clock), Message: why}
}

// watch folds what a watch has found in the cluster.
func (s *story) watch(samples ...report.Sample) *story {
	s.t.Helper()
	for _, sample := range samples {
		s.memory.Learn(shop.Namespace, append(s.others(), watchWorkflow(s.t, sample.Time, map[string]report.Sample{shop.Name: sample})))
		s.pass(sample.Time)
	}
	return s
}

// others are Workflows that say nothing of the archiving.
func (s *story) others() []*wfv1.Workflow {
	backup, running := &wfv1.Workflow{}, &wfv1.Workflow{}
	backup.UID, running.UID = "backup", "running"
	running.Labels = map[string]string{vocab.LabelKind: string(vocab.RunWatch)}
	return []*wfv1.Workflow{backup, running}
}

func watchWorkflow(t testing.TB, end time.Time, clusters map[string]report.Sample) *wfv1.Workflow {
	t.Helper()
	text, err := report.Watch{Start: end.Add(-time.Second), End: end, Clusters: clusters}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	workflow := &wfv1.Workflow{}
	workflow.Name, workflow.UID = "pgbackrest-watch-"+end.Format("1504"), types.UID(end.String())
	workflow.Labels = map[string]string{vocab.LabelCluster: "", vocab.LabelKind: string(vocab.RunWatch)}
	workflow.Status = wfv1.WorkflowStatus{
		Phase: wfv1.WorkflowSucceeded, FinishedAt: metav1.NewTime(end),
		Outputs: &wfv1.Outputs{Parameters: []wfv1.Parameter{{Name: vocab.OutputReport, Value: wfv1.AnyStringPtr(string(text))}}},
	}
	return workflow
}

// pass folds what is known at a moment, and notes in a line what the status then says.
func (s *story) pass(now time.Time) *story {
	s.t.Helper()
	in := Input{Seen: s.memory.Recall(shop), Interval: 5 * time.Minute, Repos: s.repos, Objectives: s.spec, Schedules: s.schedules, LastRun: s.lastRun, Now: now}
	r := Fold(s.before, in)
	again := Fold(Before{Archive: r.Archive, Recoverable: r.Recoverable, Waiting: s.before.Waiting}, Input{
		Seen: in.Seen, Interval: in.Interval, Repos: r.Repos, Objectives: s.spec, Schedules: s.schedules, LastRun: s.lastRun, Now: now,
	})
	if !equality.Semantic.DeepEqual(r.Archive, again.Archive) || !equality.Semantic.DeepEqual(r.Recoverable, again.Recoverable) || !equality.Semantic.DeepEqual(r.Repos, again.Repos) {
		s.t.Errorf("%s: folding again changes %s %s into %s %s", now.Format("15:04"), text(r.Archive), text(r.Recoverable), text(again.Archive), text(again.Recoverable))
	}
	written := ""
	if !equality.Semantic.DeepEqual(r.Archive, s.before.Archive) || !equality.Semantic.DeepEqual(r.Recoverable, s.before.Recoverable) || !equality.Semantic.DeepEqual(r.Repos, s.repos) {
		written = ", written"
	}
	s.memory.Keep(shop, Anchor(s.before, in.Seen))
	s.before.Archive, s.before.Recoverable, s.repos, s.last = r.Archive, r.Recoverable, r.Repos, r
	s.lines = append(s.lines, now.Format("15:04")+" "+says(r)+written)
	return s
}

// restart is a restart of the operator: it has nothing but the status.
func (s *story) restart(clock string) *story {
	s.memory = NewMemory(at(clock))
	return s
}

// proves adds a backup that a run has proven.
func (s *story) proves(label, stop string) *story {
	s.repos[0].LastBackup = backupOf(label, stop)
	listed := stanzaflowv1alpha1.ListedBackup{Label: label, Type: "full", StartTime: s.repos[0].LastBackup.StartTime, StopTime: s.repos[0].LastBackup.StopTime}
	s.repos[0].Newest = append([]stanzaflowv1alpha1.ListedBackup{listed}, s.repos[0].Newest...)
	return s
}

func text(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func clock(t *metav1.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("15:04")
}

// says is a result in one line.
func says(r Result) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch a := r.Archive; {
	case a == nil && r.Blind:
		add("blind")
	case a == nil:
		add("not observed")
	case r.Blind:
		add("blind since %s", clock(a.BlindTime))
	case a.FailingSince == nil:
		add("archives")
	case a.FailedWAL == "":
		add("stalled since %s", clock(a.FailingSince))
	default:
		add("failing since %s", clock(a.FailingSince))
	}
	if r.Archive != nil && r.Archive.FullTime != nil {
		add("full at %s", r.Archive.FullTime.UTC().Format("2 15:04"))
	}
	if r.RunwayShort {
		add("runway short")
	}
	if r.Off {
		add("off")
	}
	if c := r.Recoverable; c != nil {
		add("recoverable %s to %s", clock(c.Oldest), clock(c.Newest))
		if c.AtRiskSince != nil {
			add("at risk since %s", clock(c.AtRiskSince))
		}
	}
	for what, is := range map[string]bool{"RPO exceeded": r.RPOExceeded, "empty": r.Empty && r.Listed, "repos blind": r.ReposBlind} {
		if is {
			add("%s", what)
		}
	}
	if len(r.Removed) > 0 {
		add("removed from %s", strings.Join(r.Removed, ", "))
	}
	return strings.Join(parts, ", ")
}
