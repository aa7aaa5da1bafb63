// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Pass is what the status of the schedules is made of.
type Pass struct {
	State object.State
	Plan  translate.Plan
	// InForce are the CronWorkflows after the pass that are not being removed.
	InForce []*unstructured.Unstructured
	// Runs of the cluster, of every kind.
	Runs []outcome.Run
	Now  time.Time
	// Elsewhere says of the CronWorkflows that start no runs who makes their backups.
	Elsewhere map[string]string
}

// Entries returns status.schedules after a pass, and when to look again. There is
// an entry for every CronWorkflow in force, and one with the history of every
// CronWorkflow that should exist and does not at the moment.
func Entries(before []stanzaflowv1alpha1.ScheduleStatus, p Pass) ([]stanzaflowv1alpha1.ScheduleStatus, time.Time) {
	known := ByCronWorkflow(before)
	var after []stanzaflowv1alpha1.ScheduleStatus
	for _, cronWorkflow := range p.InForce {
		if object.OfDrill(cronWorkflow) {
			continue
		}
		entry := entryFor(cronWorkflow, p.Now)
		if p.Elsewhere[entry.CronWorkflow] == "" { // What was due while CPO made the backups is CPO's.
			entry.InForceSince = InForceSince(cronWorkflow, judged(known[entry.CronWorkflow]))
		}
		foldRuns(&entry, known[entry.CronWorkflow], p.Runs)
		after = append(after, entry)
		delete(known, entry.CronWorkflow)
	}
	for name, entry := range known {
		if p.shouldExist(name) {
			entry.NextRunTime = nil
			after = append(after, entry)
		}
	}
	slices.SortFunc(after, func(a, b stanzaflowv1alpha1.ScheduleStatus) int {
		return strings.Compare(a.CronWorkflow, b.CronWorkflow)
	})
	return after, watchOver(after, before, p)
}

// ByCronWorkflow indexes entries by the name of the CronWorkflow.
func ByCronWorkflow(entries []stanzaflowv1alpha1.ScheduleStatus) map[string]stanzaflowv1alpha1.ScheduleStatus {
	index := make(map[string]stanzaflowv1alpha1.ScheduleStatus, len(entries))
	for _, entry := range entries {
		index[entry.CronWorkflow] = entry
	}
	return index
}

func entryFor(cronWorkflow *unstructured.Unstructured, now time.Time) stanzaflowv1alpha1.ScheduleStatus {
	labels := cronWorkflow.GetLabels()
	entry := stanzaflowv1alpha1.ScheduleStatus{
		CronWorkflow: cronWorkflow.GetName(),
		Repo:         labels[vocab.LabelRepo],
		Type:         labels[vocab.LabelType],
		Schedule:     Asked(cronWorkflow),
		TimeZone:     Zone(cronWorkflow),
	}
	entry.EffectiveSchedule, entry.Offset = Effective(cronWorkflow)
	if next := TimetableOf(cronWorkflow).Next(now); !object.Suspended(cronWorkflow) && !next.IsZero() {
		entry.NextRunTime = new(metav1.NewTime(next.UTC()))
	}
	return entry
}

// foldRuns adds the runs of the entry's repo and type to what was known of it.
func foldRuns(entry *stanzaflowv1alpha1.ScheduleStatus, was stanzaflowv1alpha1.ScheduleStatus, runs []outcome.Run) {
	history := outcome.History{LastRun: was.LastRun, PreviousRun: was.PreviousRun, LastBackup: was.LastBackup}
	runs = slices.DeleteFunc(slices.Clone(runs), func(r outcome.Run) bool {
		return r.Status.Repo != entry.Repo || r.Status.Type != entry.Type
	})
	history = history.Fold(runs)
	entry.LastRun, entry.PreviousRun, entry.LastBackup = history.LastRun, history.PreviousRun, history.LastBackup
	entry.Runs = outcome.FoldFinished(was.Runs, history.LastFinished(), history.LastBackup, runs)
}

// shouldExist reports whether a CronWorkflow should exist.
func (p Pass) shouldExist(name string) bool {
	for i := range p.Plan.Schedules {
		if p.Plan.Schedules[i].Name == name {
			return true
		}
	}
	// What a Problem keeps is in force, unless its kind is gone with Argo.
	return p.Plan.Keep.CronWorkflow(name) && !p.State.ArgoInstalled
}

// watchOver sets in each entry whether it is overdue, held or delayed, and
// returns when to look again.
func watchOver(entries, before []stanzaflowv1alpha1.ScheduleStatus, p Pass) time.Time {
	known, live, held := ByCronWorkflow(before), object.ByName(p.InForce), heldNow(p.State)
	var wake time.Time
	for i := range entries {
		entry := &entries[i]
		entry.Held, entry.Delayed = cmp.Or(held, p.Elsewhere[entry.CronWorkflow], heldInArgo(live[entry.CronWorkflow]), heldByRun(*entry)), ""
		cronWorkflow, times := live[entry.CronWorkflow], timetableIn(*entry)
		if cronWorkflow != nil {
			times, entry.Delayed = TimetableOf(cronWorkflow), delayed(cronWorkflow, p.State.Backups(), waitsFor(p.Runs), p.Now)
		}
		since := countsFrom(cronWorkflow, known[entry.CronWorkflow], *entry, p.Now)
		if slot, _ := times.DueAt(p.Now); slot.Before(since) && hasRun(cronWorkflow, *entry, slot) {
			since = slot
		}
		late, lookAgain := overdue(times, since, offsetIn(entry.Offset), *entry, excusedUntil(*entry, p.Runs), p.Now)
		entry.Overdue, wake = late, object.Earliest(wake, lookAgain)
		if entry.NextRunTime != nil {
			wake = object.Earliest(wake, entry.NextRunTime.Time)
		}
	}
	return wake
}

// Summary is every schedule in one line, in the order in which a DBA thinks.
func Summary(entries []stanzaflowv1alpha1.ScheduleStatus) string {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b stanzaflowv1alpha1.ScheduleStatus) int {
		return cmp.Or(strings.Compare(a.Repo, b.Repo), slices.Index(cpo.BackupTypes, a.Type)-slices.Index(cpo.BackupTypes, b.Type))
	})
	severalRepos := len(entries) > 0 && entries[0].Repo != entries[len(entries)-1].Repo
	texts := make([]string, 0, len(entries))
	for _, entry := range entries {
		text := entry.Type + " " + entry.Schedule
		if entry.Offset != "" {
			text += " +" + entry.Offset
		}
		if severalRepos {
			text = entry.Repo + " " + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
