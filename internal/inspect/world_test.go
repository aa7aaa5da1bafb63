// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// now is when a person looks.
var now = time.Date(2026, 11, 29, 15, 50, 0, 0, time.UTC)

func at(hour, minute int) *metav1.Time {
	return new(metav1.NewTime(time.Date(2026, 11, 29, hour, minute, 0, 0, time.UTC)))
}

// day is that time on an earlier day.
func day(day, hour, minute int) *metav1.Time {
	return new(metav1.NewTime(time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC)))
}

const (
	fullCron = "pgbackrest-orders-repo1-full"
	incrCron = "pgbackrest-orders-repo1-incr"
	fullRun  = "pgbackrest-orders-repo1-full-1795919400"
	incrRun  = "pgbackrest-orders-repo1-incr-1795964400"
	label    = "20261129-023012F"
	incr     = "20261129-023012F_20261129-153004I"
)

// world is a cluster in which everything is fine; a case changes it.
func world(t *testing.T, change ...func(*Facts)) Facts {
	t.Helper()
	f := Facts{
		Now: now, Namespace: "shop", Cluster: "orders", Template: Found, WatchTemplate: Found,
		Postgresql: &cpo.Postgresql{Namespace: "shop", Name: "orders", PgBackRest: &cpo.PgBackRest{
			Global: map[string]string{"repo1-retention-full": "2", "repo1-path": "/orders"},
			Repos:  []cpo.Repo{{Name: "repo1", Storage: cpo.StorageS3, Schedule: map[string]string{"full": "30 2 * * *", "incr": "*/30 * * * *"}}},
		}},
		Stanza: stanza(),
		CronWorkflows: map[string]*wfv1.CronWorkflow{
			fullCron:            cron(fullCron, at(2, 30)),
			incrCron:            cron(incrCron, at(15, 30)),
			vocab.WatchTemplate: cron(vocab.WatchTemplate, at(15, 47)),
		},
		Workflows: []*wfv1.Workflow{
			run(incrRun, "incr", wfv1.WorkflowSucceeded, at(15, 30), at(15, 31)),
			run(fullRun, "full", wfv1.WorkflowSucceeded, at(2, 30), at(2, 42)),
		},
		Watches: []*wfv1.Workflow{watch(at(15, 47), sample())},
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

// condition sets a condition of the Stanza, and Ready as the operator does.
func condition(kind string, status metav1.ConditionStatus, reason vocab.Reason, message string) func(*Facts) {
	return func(f *Facts) {
		set := func(kind string) {
			c := metav1.Condition{Type: kind, Status: status, Reason: string(reason), Message: message}
			if have := conditionOf(f.Stanza, kind); have != nil {
				*have = c
			} else {
				f.Stanza.Status.Conditions = append(f.Stanza.Status.Conditions, c)
			}
		}
		set(kind)
		ready := conditionOf(f.Stanza, vocab.ConditionReady)
		if status == metav1.ConditionFalse && ready.Status != metav1.ConditionFalse || status == metav1.ConditionUnknown && ready.Status == metav1.ConditionTrue {
			set(vocab.ConditionReady)
		}
	}
}

func stanza() *stanzaflowv1alpha1.Stanza {
	s := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: "orders", Namespace: "shop", Generation: 1}}
	s.Status = stanzaflowv1alpha1.StanzaStatus{
		ObservedGeneration: 1, Schedule: "full 30 2 * * *, incr */30 * * * *", NextRunTime: at(16, 0),
		LastBackup: backupStatus(incr, "incr", incrRun, at(15, 31)),
		LastRun:    runStatus(incrRun, "incr", stanzaflowv1alpha1.RunSucceeded, at(15, 30), at(15, 31)),
		Archive: &stanzaflowv1alpha1.ArchiveStatus{
			ObservedTime: *at(15, 47), Timeline: 1, LastArchivedTime: at(15, 46), LastArchivedWAL: "00000001000000A200000031",
			WALBytes: 1 << 30, FreeBytes: 30 << 30, VolumeBytes: 50 << 30,
		},
		Recoverable: &stanzaflowv1alpha1.RecoverableStatus{Oldest: day(28, 2, 42), Newest: at(15, 46), AtRiskSince: at(15, 46), RPO: &metav1.Duration{Duration: 30 * time.Minute}},
	}
	for kind, reason := range good {
		s.Status.Conditions = append(s.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: string(reason), Message: "it is good"})
	}
	s.Status.Schedules = []stanzaflowv1alpha1.ScheduleStatus{
		{
			CronWorkflow: fullCron, Repo: "repo1", Type: "full", Schedule: "30 2 * * *", TimeZone: "UTC", NextRunTime: day(30, 2, 30),
			LastRun:    runStatus(fullRun, "full", stanzaflowv1alpha1.RunSucceeded, at(2, 30), at(2, 42)),
			LastBackup: backupStatus(label, "full", fullRun, at(2, 42)),
			Runs: []stanzaflowv1alpha1.FinishedRun{
				{Workflow: fullRun, Trigger: "schedule", Result: stanzaflowv1alpha1.RunSucceeded, Label: label, StartTime: at(2, 30), FinishTime: at(2, 42)},
				{Workflow: "pgbackrest-orders-repo1-full-1795833000", Trigger: "schedule", Result: stanzaflowv1alpha1.RunSucceeded, Label: "20261128-023011F", StartTime: day(28, 2, 30), FinishTime: day(28, 2, 42)},
				{Workflow: "pgbackrest-orders-repo1-full-1795746600", Trigger: "schedule", Result: stanzaflowv1alpha1.RunFailed, Message: "pgbackrest backup failed: [082] archive-timeout", StartTime: day(27, 2, 30), FinishTime: day(27, 2, 51)},
			},
		},
		{
			CronWorkflow: incrCron, Repo: "repo1", Type: "incr", Schedule: "*/30 * * * *", TimeZone: "UTC", NextRunTime: at(16, 0),
			LastRun:    runStatus(incrRun, "incr", stanzaflowv1alpha1.RunSucceeded, at(15, 30), at(15, 31)),
			LastBackup: backupStatus(incr, "incr", incrRun, at(15, 31)),
			Runs:       []stanzaflowv1alpha1.FinishedRun{{Workflow: incrRun, Trigger: "schedule", Result: stanzaflowv1alpha1.RunSucceeded, Label: incr, StartTime: at(15, 30), FinishTime: at(15, 31)}},
		},
	}
	s.Status.Repos = []stanzaflowv1alpha1.RepoStatus{{
		Name: "repo1", Storage: "s3", Location: "s3://backups/orders", Backups: 4, Fulls: 2, OldestBackupTime: day(28, 2, 42), LastBackup: s.Status.LastBackup,
		Newest: []stanzaflowv1alpha1.ListedBackup{
			listed(incr, "incr", at(15, 30), "uid-3"),
			listed(label, "full", at(2, 30), "uid-2"),
			listed("20261128-023011F_20261128-120000I", "incr", day(28, 12, 0), ""),
			listed("20261128-023011F", "full", day(28, 2, 30), "uid-1"),
		},
	}}
	return s
}

func listed(label, backupType string, start *metav1.Time, run string) stanzaflowv1alpha1.ListedBackup {
	took, size, added := time.Minute, int64(41<<30), int64(120<<20)
	if backupType == "full" {
		took, added = 12*time.Minute, 9<<30
	}
	return stanzaflowv1alpha1.ListedBackup{Label: label, Type: backupType, StartTime: *start, StopTime: metav1.NewTime(start.Add(took)), DatabaseBytes: size, RepoBytes: added, Run: run}
}

func backupStatus(label, backupType, workflow string, stop *metav1.Time) *stanzaflowv1alpha1.BackupStatus {
	return &stanzaflowv1alpha1.BackupStatus{Label: label, Repo: "repo1", Type: backupType, Workflow: workflow, StartTime: metav1.NewTime(stop.Add(-time.Minute)), StopTime: *stop, DatabaseBytes: 41 << 30, RepoBytes: 120 << 20}
}

func runStatus(workflow, backupType string, result stanzaflowv1alpha1.RunResult, start, finish *metav1.Time) *stanzaflowv1alpha1.RunStatus {
	return &stanzaflowv1alpha1.RunStatus{Workflow: workflow, Repo: "repo1", Type: backupType, Trigger: "schedule", Result: result, StartTime: start, FinishTime: finish}
}

func cron(name string, fired *metav1.Time) *wfv1.CronWorkflow {
	c := &wfv1.CronWorkflow{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", Labels: map[string]string{vocab.LabelCluster: "orders"}}}
	c.Status.LastScheduledTime = fired
	return c
}

// run is a Workflow of the cluster. One that succeeded has proven its backup.
func run(name, backupType string, phase wfv1.WorkflowPhase, start, finish *metav1.Time, change ...func(*report.Report)) *wfv1.Workflow {
	w := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", UID: types.UID("uid-of-" + name), CreationTimestamp: *start,
		Labels: map[string]string{vocab.LabelCluster: "orders", vocab.LabelRepo: "repo1", vocab.LabelType: backupType, vocab.LabelTrigger: "schedule"},
	}}
	w.Status.Phase, w.Status.StartedAt = phase, *start
	if finish == nil {
		return w
	}
	w.Status.FinishedAt = *finish
	r := report.Report{Kind: vocab.RunBackup, Run: string(w.UID), Cluster: "orders", Repo: "repo1", Type: backupType, Trigger: "schedule", Step: "verify"}
	if phase == wfv1.WorkflowSucceeded {
		r.Result, r.Backup = stanzaflowv1alpha1.RunSucceeded, &report.Backup{Label: label, Type: backupType, Start: start.Time, Stop: finish.Time, DatabaseBytes: 41 << 30}
	}
	for _, c := range change {
		c(&r)
	}
	text, err := r.Encode()
	if err != nil {
		panic(fmt.Sprint("cannot encode the report: ", err))
	}
	w.Status.Outputs = &wfv1.Outputs{Parameters: []wfv1.Parameter{{Name: vocab.OutputReport, Value: wfv1.AnyStringPtr(string(text))}}}
	return w
}

func sample() report.Sample {
	return report.Sample{Time: at(15, 47).Time, Repos: map[string]report.RepoSample{"repo1": {
		Labels: []string{"20261128-023011F", "20261128-023011F_20261128-120000I", label, incr}, Fulls: 2,
	}}}
}

// watch is a run of the watch with a sample of the cluster.
func watch(end *metav1.Time, s report.Sample) *wfv1.Workflow {
	text, err := report.Watch{Start: end.Add(-20 * time.Second), End: end.Time, Clusters: map[string]report.Sample{"orders": s}}.Encode()
	if err != nil {
		panic(fmt.Sprint("cannot encode the report: ", err))
	}
	w := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{
		Name: "pgbackrest-watch-1795965420", Namespace: "shop", CreationTimestamp: *end,
		Labels: map[string]string{vocab.LabelCluster: "", vocab.LabelKind: string(vocab.RunWatch)},
	}}
	w.Status.Phase, w.Status.StartedAt, w.Status.FinishedAt = wfv1.WorkflowSucceeded, *end, *end
	w.Status.Nodes = wfv1.Nodes{"pod": {Type: wfv1.NodeTypePod, Outputs: &wfv1.Outputs{Parameters: []wfv1.Parameter{{Name: vocab.OutputReport, Value: wfv1.AnyStringPtr(string(text))}}}}}
	return w
}
