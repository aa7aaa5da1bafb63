// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Status is one cluster in a line.
type Status struct {
	Namespace string                 `json:"namespace"`
	Cluster   string                 `json:"cluster"`
	Ready     metav1.ConditionStatus `json:"ready"`
	Reason    string                 `json:"reason,omitempty"`
	// Problem is what is wrong, in words. Empty if nothing is.
	Problem string `json:"problem,omitempty"`
	// LastBackup is the newest proven backup.
	LastBackup *stanzaflowv1alpha1.BackupStatus `json:"lastBackup,omitempty"`
	// BackupAge is how long ago it was complete.
	BackupAge *metav1.Duration `json:"backupAge,omitempty"`
	// RPO is how much time of commits would be lost now. Nil if nobody knows.
	RPO *metav1.Duration `json:"rpo,omitempty"`
	// Objective is what it may be at most.
	Objective *metav1.Duration `json:"objective,omitempty"`
	// Oldest and Newest are the ends of the window that can be restored.
	Oldest      *metav1.Time `json:"recoverableFrom,omitempty"`
	Newest      *metav1.Time `json:"recoverableTo,omitempty"`
	NextRunTime *metav1.Time `json:"nextRunTime,omitempty"`
	// Running is the run that is running.
	Running *stanzaflowv1alpha1.RunStatus `json:"running,omitempty"`

	urgency int
}

// StatusOf returns the line of one cluster.
func StatusOf(stanza *stanzaflowv1alpha1.Stanza, now time.Time) Status {
	s := Status{
		Namespace: stanza.Namespace, Cluster: stanza.Name, Ready: metav1.ConditionUnknown, Reason: "NoStatus",
		Problem:    "the operator has not written a status: is it running, and does it watch this namespace? kubectl stanzaflow doctor looks",
		LastBackup: stanza.Status.LastBackup, NextRunTime: stanza.Status.NextRunTime,
	}
	if ready := conditionOf(stanza, vocab.ConditionReady); ready != nil {
		s.Ready, s.Reason, s.Problem = ready.Status, ready.Reason, problem(stanza, ready)
	}
	if s.LastBackup != nil {
		s.BackupAge = &metav1.Duration{Duration: max(now.Sub(s.LastBackup.StopTime.Time), 0)}
	}
	if run := stanza.Status.LastRun; run != nil && run.Result == stanzaflowv1alpha1.RunRunning {
		s.Running = run
	}
	if r := stanza.Status.Recoverable; r != nil {
		s.Oldest, s.Newest, s.Objective = r.Oldest, r.Newest, r.RPO
		s.RPO = rpoNow(stanza, now)
	}
	s.urgency = urgency(stanza, s)
	return s
}

// problem is the message of Ready, or of the first warning beside it.
func problem(stanza *stanzaflowv1alpha1.Stanza, ready *metav1.Condition) string {
	if ready.Status != metav1.ConditionTrue {
		return ready.Message
	}
	for _, w := range warnings(stanza) {
		return w.Message
	}
	return ""
}

// good are the reasons of a condition that is True and has nothing more to say.
var good = map[string]vocab.Reason{
	vocab.ConditionReady: vocab.ReasonReady, vocab.ConditionAccepted: vocab.ReasonAccepted, vocab.ConditionProgrammed: vocab.ReasonProgrammed,
	vocab.ConditionBackupHealthy: vocab.ReasonSucceeded, vocab.ConditionArchiving: vocab.ReasonArchiving, vocab.ConditionRecoverable: vocab.ReasonRecoverable,
}

// warnings are the conditions that are True and say that something should be done, and
// Suspended.
func warnings(stanza *stanzaflowv1alpha1.Stanza) []metav1.Condition {
	var found []metav1.Condition
	for _, c := range stanza.Status.Conditions {
		proven := c.Type == vocab.ConditionRecoverable && c.Reason == string(vocab.ReasonProven)
		if c.Status == metav1.ConditionTrue && !proven && c.Reason != string(good[c.Type]) && c.Reason != string(vocab.ReasonDraining) {
			found = append(found, c)
		}
	}
	return found
}

// rpoNow is nil if nobody has observed it.
func rpoNow(stanza *stanzaflowv1alpha1.Stanza, now time.Time) *metav1.Duration {
	r, archive := stanza.Status.Recoverable, stanza.Status.Archive
	if r == nil || archive == nil || archive.BlindTime != nil || r.Newest == nil && r.AtRiskSince == nil {
		return nil
	}
	if c := conditionOf(stanza, vocab.ConditionArchiving); c != nil && c.Status == metav1.ConditionUnknown {
		return nil // What the status has is of an earlier time.
	}
	if r.AtRiskSince == nil {
		return &metav1.Duration{}
	}
	return &metav1.Duration{Duration: max(now.Sub(r.AtRiskSince.Time), 0)}
}

// urgency is smaller for a cluster that needs somebody sooner.
func urgency(stanza *stanzaflowv1alpha1.Stanza, s Status) int {
	recoverable := conditionOf(stanza, vocab.ConditionRecoverable)
	switch {
	case recoverable != nil && recoverable.Status == metav1.ConditionFalse:
		return 0
	case s.Ready == metav1.ConditionFalse:
		return 1
	case s.Reason == string(vocab.ReasonNotManaged):
		return 5
	case s.Ready != metav1.ConditionTrue:
		return 2
	case s.Problem != "":
		return 3
	}
	return 4
}

// Statuses returns the lines of clusters, those that need somebody first; among equals
// the one whose last proven backup is oldest.
func Statuses(all []*stanzaflowv1alpha1.Stanza, now time.Time) []Status {
	lines := make([]Status, 0, len(all))
	for _, stanza := range all {
		lines = append(lines, StatusOf(stanza, now))
	}
	slices.SortFunc(lines, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.urgency, b.urgency), compareAges(a, b), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Cluster, b.Cluster))
	})
	return lines
}

// compareAges puts a cluster without a backup first. The ages of good clusters do not
// matter.
func compareAges(a, b Status) int {
	const good = 4
	age := func(s Status) time.Duration {
		if s.BackupAge == nil {
			return 1<<63 - 1
		}
		return s.BackupAge.Duration
	}
	if a.urgency >= good {
		return 0
	}
	return cmp.Compare(age(b), age(a))
}

// StatusTable returns the lines as a table.
//
// Long problems are cut, so that each cluster is one line; explain has them whole.
func StatusTable(lines []Status, namespaces, cut bool, now time.Time) printer.Table {
	t := printer.Table{Columns: []printer.Column{
		{Name: "cluster"},
		{Name: "ready"},
		{Name: "reason"},
		{Name: "proven backup"},
		{Name: "age"},
		{Name: "rpo"},
		{Name: "objective"},
		{Name: "recoverable from"},
		{Name: "recoverable to"},
		{Name: "next run"},
		{Name: "running"},
		{Name: "problem"},
	}}
	if namespaces {
		t.Columns = append([]printer.Column{{Name: "namespace"}}, t.Columns...)
	}
	for _, s := range lines {
		if cut {
			s.Problem = shorten(s.Problem)
		}
		row := s.row(now)
		if namespaces {
			row = append([]printer.Cell{{Text: s.Namespace}}, row...)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// longest is how much of a problem fits beside the other columns.
const longest = 90

func shorten(text string) string {
	runes := []rune(text)
	if len(runes) <= longest {
		return text
	}
	return string(runes[:longest-1]) + "…"
}

var tones = map[metav1.ConditionStatus]printer.Tone{
	metav1.ConditionTrue: printer.Good, metav1.ConditionFalse: printer.Bad, metav1.ConditionUnknown: printer.Uncertain,
}

func (s Status) row(now time.Time) []printer.Cell {
	label, age, next := "none", "", ""
	if s.LastBackup != nil {
		label, age = s.LastBackup.Label, short(s.BackupAge.Duration)
	}
	if s.NextRunTime != nil {
		next = ago(s.NextRunTime.Time, now)
	}
	ready := printer.Cell{Text: string(s.Ready), Tone: tones[s.Ready]}
	if s.Ready == metav1.ConditionTrue && s.Problem != "" {
		ready.Tone = printer.Uncertain
	}
	row := append(printer.Cells(s.Cluster), ready)
	row = append(row, printer.Cells(s.Reason, label, age)...)
	row = append(row, s.rpoCell())
	return append(row, printer.Cells(durationText(s.Objective), stamp(s.Oldest), stamp(s.Newest), next, s.runningText(), s.Problem)...)
}

func (s Status) rpoCell() printer.Cell {
	switch {
	case s.RPO == nil:
		return printer.Cell{Text: unknownText, Tone: printer.Uncertain}
	case s.Objective != nil && s.RPO.Duration > s.Objective.Duration:
		return printer.Cell{Text: short(s.RPO.Duration), Tone: printer.Bad}
	}
	return printer.Cell{Text: short(s.RPO.Duration), Tone: printer.Good}
}

func (s Status) runningText() string {
	if s.Running == nil {
		return ""
	}
	doing := s.Running.Progress
	if s.Running.WaitsFor != "" {
		doing = "waits for " + s.Running.WaitsFor
	}
	return strings.TrimSpace(s.Running.Type + " " + s.Running.Repo + " " + doing)
}

func durationText(d *metav1.Duration) string {
	if d == nil {
		return ""
	}
	return short(d.Duration)
}
