// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// pass is everything that a status is made of.
type pass struct {
	State State
	Plan  translate.Plan
	Todo  actions
	Done  result
	Now   time.Time
}

// statusFor is the status after a pass, and when to look again. It is pure, and
// the same pass over the same things gives the same status.
func statusFor(before stanzaflowv1alpha1.StanzaStatus, generation int64, p pass) (stanzaflowv1alpha1.StanzaStatus, time.Time) {
	after := stanzaflowv1alpha1.StanzaStatus{ObservedGeneration: generation}
	runs := p.State.runs()
	after.Schedules = schedules(before.Schedules, p, runs)
	after.Schedule = summary(after.Schedules)
	history := outcome.History{LastRun: before.LastRun, LastBackup: before.LastBackup}
	if p.State.ArgoInstalled {
		history = history.Fold(runs)
	}
	after.LastRun, after.LastBackup = history.LastRun, history.LastBackup

	after.Repos = repos(before.Repos, p, runs)
	after.OrphanedClaims = orphanedClaims(before.OrphanedClaims, p)
	after.Certificate = certificateStatus(before.Certificate, p)

	wake := earliest(earliest(p.Todo.Wake, p.Done.Wake), watchOver(after.Schedules, before.Schedules, p))
	for _, entry := range after.Schedules {
		if entry.NextRunTime != nil {
			after.NextRunTime = new(metav1.NewTime(earliest(timeOf(after.NextRunTime), entry.NextRunTime.Time)))
		}
	}
	wake = earliest(wake, timeOf(after.NextRunTime))
	after.Conditions = stamp(before.Conditions, conditionsFor(p, after), generation, p.Now)
	return after, wake
}

// watchOver tells of each schedule whether it is overdue, held or delayed, and
// when to look again.
func watchOver(entries, before []stanzaflowv1alpha1.ScheduleStatus, p pass) time.Time {
	known, live, held := byCronWorkflow(before), byName(p.Done.InForce), p.State.held()
	var wake time.Time
	for i := range entries {
		entry := &entries[i]
		entry.Held, entry.Delayed = cmp.Or(held, heldByRun(*entry)), ""
		object, times := live[entry.CronWorkflow], timetableIn(*entry)
		if object != nil {
			times, entry.Delayed = timetableOf(object), delayed(object, p.State.Workflows, p.Now)
		}
		late, lookAgain := overdue(times, countsFrom(object, known[entry.CronWorkflow], *entry, p.Now), *entry, p.Now)
		entry.Overdue, wake = late, earliest(wake, lookAgain)
	}
	return wake
}

func byCronWorkflow(entries []stanzaflowv1alpha1.ScheduleStatus) map[string]stanzaflowv1alpha1.ScheduleStatus {
	index := make(map[string]stanzaflowv1alpha1.ScheduleStatus, len(entries))
	for _, entry := range entries {
		index[entry.CronWorkflow] = entry
	}
	return index
}

// schedules has an entry for what is in force, and carries the history of what
// is planned and not there at the moment.
func schedules(before []stanzaflowv1alpha1.ScheduleStatus, p pass, runs []outcome.Run) []stanzaflowv1alpha1.ScheduleStatus {
	known := byCronWorkflow(before)
	var after []stanzaflowv1alpha1.ScheduleStatus
	for _, object := range p.Done.InForce {
		entry := entryFor(object, p.Now)
		was := known[entry.CronWorkflow]
		history := outcome.History{LastRun: was.LastRun, PreviousRun: was.PreviousRun, LastBackup: was.LastBackup}
		history = history.Fold(slices.DeleteFunc(slices.Clone(runs), func(r outcome.Run) bool {
			return r.Status.Repo != entry.Repo || r.Status.Type != entry.Type
		}))
		entry.LastRun, entry.PreviousRun, entry.LastBackup = history.LastRun, history.PreviousRun, history.LastBackup
		after = append(after, entry)
		delete(known, entry.CronWorkflow)
	}
	for name, entry := range known {
		if p.planned(name) {
			entry.NextRunTime = nil
			after = append(after, entry)
		}
	}
	slices.SortFunc(after, func(a, b stanzaflowv1alpha1.ScheduleStatus) int {
		return strings.Compare(a.CronWorkflow, b.CronWorkflow)
	})
	return after
}

// planned reports whether a CronWorkflow should exist.
func (p pass) planned(name string) bool {
	for i := range p.Plan.CronWorkflows {
		if p.Plan.CronWorkflows[i].Name == name {
			return true
		}
	}
	// What a Problem keeps is in force, unless its kind has gone with Argo.
	return p.Plan.Keep.CronWorkflow(name) && !p.State.ArgoInstalled
}

func entryFor(object *unstructured.Unstructured, now time.Time) stanzaflowv1alpha1.ScheduleStatus {
	labels := object.GetLabels()
	entry := stanzaflowv1alpha1.ScheduleStatus{
		CronWorkflow: object.GetName(),
		Repo:         labels[vocab.LabelRepo],
		Type:         labels[vocab.LabelType],
		Schedule:     scheduleText(object),
		TimeZone:     zoneName(object),
	}
	if next := timetableOf(object).next(now); !suspended(object) && !next.IsZero() {
		entry.NextRunTime = new(metav1.NewTime(next.UTC()))
	}
	return entry
}

// summary is every schedule in one line, in the order in which a DBA thinks.
func summary(entries []stanzaflowv1alpha1.ScheduleStatus) string {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b stanzaflowv1alpha1.ScheduleStatus) int {
		return cmp.Or(strings.Compare(a.Repo, b.Repo), slices.Index(cpo.BackupTypes, a.Type)-slices.Index(cpo.BackupTypes, b.Type))
	})
	severalRepos := len(entries) > 0 && entries[0].Repo != entries[len(entries)-1].Repo
	texts := make([]string, 0, len(entries))
	for _, entry := range entries {
		text := entry.Type + " " + entry.Schedule
		if severalRepos {
			text = entry.Repo + " " + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// stamp gives conditions their generation and the time of their last change.
func stamp(before, after []metav1.Condition, generation int64, now time.Time) []metav1.Condition {
	for i := range after {
		after[i].ObservedGeneration = generation
		after[i].LastTransitionTime = metav1.NewTime(now).Rfc3339Copy()
		for _, was := range before {
			if was.Type == after[i].Type && was.Status == after[i].Status {
				after[i].LastTransitionTime = was.LastTransitionTime
			}
		}
	}
	return after
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
