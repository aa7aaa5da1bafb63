// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"maps"
	"slices"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Run is one run of a cluster.
type Run struct {
	Namespace string                       `json:"namespace"`
	Cluster   string                       `json:"cluster"`
	Workflow  string                       `json:"workflow"`
	Kind      vocab.RunKind                `json:"kind"`
	Type      string                       `json:"type,omitempty"`
	Repo      string                       `json:"repo,omitempty"`
	Trigger   string                       `json:"trigger,omitempty"`
	Result    stanzaflowv1alpha1.RunResult `json:"result"`
	// WaitsFor is the run that holds the lock of the cluster, or the cap of which the run
	// needs a slot, with the position that the Stanza has shown last.
	WaitsFor string `json:"waitsFor,omitempty"`
	// Progress of a running backup, such as 45%.
	Progress   string       `json:"progress,omitempty"`
	StartTime  *metav1.Time `json:"startTime,omitempty"`
	FinishTime *metav1.Time `json:"finishTime,omitempty"`
	// Label of the backup that the run has proven. That of a drill has been restored.
	Label   string `json:"label,omitempty"`
	Message string `json:"message,omitempty"`
	// Deleted: Argo has deleted the Workflow, and the Stanza remembers the run.
	Deleted bool `json:"deleted,omitempty"`
}

// Runs returns the runs of some clusters, the newest first: those whose Workflows are
// there, and those that the Stanzas remember.
func Runs(all []*stanzaflowv1alpha1.Stanza, seen []*wfv1.Workflow, now time.Time) []Run {
	runs := map[string]Run{}
	clusters := map[string]bool{}
	for _, stanza := range all {
		clusters[stanza.Namespace+"/"+stanza.Name] = true
		for _, run := range remembered(stanza) {
			runs[run.Namespace+"/"+run.Workflow] = run
		}
	}
	for _, w := range seen {
		cluster := w.Labels[vocab.LabelCluster]
		if !clusters[w.Namespace+"/"+cluster] || outcome.KindOf(w) == vocab.RunWatch {
			continue
		}
		run := runOf(w, now)
		known := runs[w.Namespace+"/"+w.Name]
		run.Progress = known.Progress
		if run.WaitsFor != "" && strings.HasPrefix(known.WaitsFor, run.WaitsFor+",") {
			run.WaitsFor = known.WaitsFor
		}
		runs[w.Namespace+"/"+w.Name] = run
	}
	return slices.SortedFunc(maps.Values(runs), func(a, b Run) int {
		switch {
		case a.StartTime.Before(b.StartTime):
			return 1
		case b.StartTime.Before(a.StartTime):
			return -1
		}
		return strings.Compare(b.Workflow, a.Workflow)
	})
}

func runOf(w *wfv1.Workflow, now time.Time) Run {
	read := outcome.Read(w, now)
	run := Run{
		Namespace: w.Namespace, Cluster: w.Labels[vocab.LabelCluster], Workflow: w.Name, Kind: read.Kind, Type: read.Status.Type, Repo: read.Status.Repo,
		Trigger: read.Status.Trigger, Result: read.Status.Result, StartTime: read.Status.StartTime, FinishTime: read.Status.FinishTime, Message: read.Status.Message,
	}
	if outcome.Running(w) {
		run.WaitsFor = outcome.WaitsFor(w)
	}
	switch {
	case read.Backup != nil:
		run.Label = read.Backup.Label
	case read.Kind == vocab.RunDrill:
		run.Type = read.Drill // A drill has no type.
		if read.Tried != nil && read.Status.Result == stanzaflowv1alpha1.RunSucceeded {
			run.Label = read.Tried.Backup
		}
	}
	return run
}

// remembered are the runs in the status of a Stanza.
func remembered(stanza *stanzaflowv1alpha1.Stanza) []Run {
	var runs []Run
	add := func(kind vocab.RunKind, s *stanzaflowv1alpha1.RunStatus) {
		if s != nil {
			runs = append(runs, Run{
				Namespace: stanza.Namespace, Cluster: stanza.Name, Workflow: s.Workflow, Kind: kind, Type: s.Type, Repo: s.Repo, Trigger: s.Trigger,
				Result: s.Result, Progress: s.Progress, WaitsFor: s.WaitsFor, StartTime: s.StartTime, FinishTime: s.FinishTime, Message: s.Message, Deleted: true,
			})
		}
	}
	if p := stanza.Status.LastPredeploy; p != nil {
		add(vocab.RunPredeploy, &p.RunStatus)
	}
	runs = append(runs, rememberedDrills(stanza)...)
	add(vocab.RunBackup, stanza.Status.LastRun)
	for i := range stanza.Status.Schedules {
		entry := &stanza.Status.Schedules[i]
		add(vocab.RunBackup, entry.LastRun)
		add(vocab.RunBackup, entry.PreviousRun)
		for _, r := range entry.Runs {
			runs = append(runs, Run{
				Namespace: stanza.Namespace, Cluster: stanza.Name, Workflow: r.Workflow, Kind: vocab.RunBackup, Type: entry.Type, Repo: entry.Repo, Trigger: r.Trigger,
				Result: r.Result, StartTime: r.StartTime, FinishTime: r.FinishTime, Label: r.Label, Message: r.Message, Deleted: true,
			})
		}
	}
	return runs
}

// rememberedDrills are the drills in the status of a Stanza. Their type is their name.
func rememberedDrills(stanza *stanzaflowv1alpha1.Stanza) []Run {
	var runs []Run
	for i := range stanza.Status.Drills {
		entry := &stanza.Status.Drills[i]
		for _, r := range entry.Runs {
			run := Run{
				Namespace: stanza.Namespace, Cluster: stanza.Name, Workflow: r.Workflow, Kind: vocab.RunDrill, Type: entry.Name, Trigger: r.Trigger,
				Result: r.Result, StartTime: r.StartTime, FinishTime: r.FinishTime, Message: r.Message, Deleted: true,
			}
			if proven := entry.LastProven; proven != nil && proven.Workflow == r.Workflow {
				run.Label, run.Repo = proven.Backup, proven.Repo
			}
			runs = append(runs, run)
		}
	}
	return runs
}

var resultTones = map[stanzaflowv1alpha1.RunResult]printer.Tone{
	stanzaflowv1alpha1.RunSucceeded: printer.Good, stanzaflowv1alpha1.RunFailed: printer.Bad,
	stanzaflowv1alpha1.RunHeld: printer.Uncertain, stanzaflowv1alpha1.RunUnknown: printer.Uncertain,
}

// RunTable returns the runs as a table.
func RunTable(runs []Run, now time.Time) printer.Table {
	t := printer.Table{Columns: []printer.Column{
		{Name: "run"},
		{Name: "cluster"},
		{Name: "kind"},
		{Name: "type"},
		{Name: "repo"},
		{Name: "trigger"},
		{Name: "result"},
		{Name: "started"},
		{Name: "took"},
		{Name: "backup"},
		{Name: "message"},
	}}
	for _, r := range runs {
		row := printer.Cells(r.Workflow, r.Cluster, string(r.Kind), r.Type, r.Repo, r.Trigger)
		row = append(row, printer.Cell{Text: r.resultText(), Tone: resultTones[r.Result]})
		started := ""
		if r.StartTime != nil {
			started = ago(r.StartTime.Time, now)
		}
		t.Rows = append(t.Rows, append(row, printer.Cells(started, r.took(now), r.Label, r.message())...))
	}
	return t
}

func (r Run) resultText() string {
	switch {
	case r.WaitsFor != "":
		return "Waiting"
	case r.Progress != "" && r.Result == stanzaflowv1alpha1.RunRunning:
		return string(r.Result) + " " + r.Progress
	}
	return string(r.Result)
}

func (r Run) message() string {
	if r.Message == "" && r.WaitsFor != "" {
		return "waits for " + r.WaitsFor
	}
	return r.Message
}

func (r Run) took(now time.Time) string {
	switch {
	case r.StartTime == nil:
		return ""
	case r.FinishTime != nil:
		return short(r.FinishTime.Sub(r.StartTime.Time))
	case r.Result == stanzaflowv1alpha1.RunRunning:
		return short(now.Sub(r.StartTime.Time))
	}
	return ""
}
