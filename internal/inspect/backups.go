// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// Backup is one backup in one repo.
type Backup struct {
	Namespace string `json:"namespace"`
	Cluster   string `json:"cluster"`
	Repo      string `json:"repo"`
	Label     string `json:"label"`
	Type      string `json:"type"`
	// StartTime and StopTime are nil if only the label is known.
	StartTime     *metav1.Time `json:"startTime,omitempty"`
	StopTime      *metav1.Time `json:"stopTime,omitempty"`
	DatabaseBytes int64        `json:"databaseBytes,omitempty"`
	RepoBytes     int64        `json:"repoBytes,omitempty"`
	// Error: pages of it have checksums that do not match.
	Error bool `json:"error,omitempty"`
	// Proven: Yes if a run has proven it as far as the Stanza remembers, Unknown if a run
	// has made it and the Stanza no longer remembers how that ended, No if another tool
	// has made it.
	Proven string `json:"proven"`
}

// Values of Backup.Proven.
const (
	ProvenYes     = "Yes"
	ProvenNo      = "No"
	ProvenUnknown = "Unknown"
)

// Listing is what is known of the backups of one repo.
type Listing struct {
	Repo string
	// Backups, the oldest first.
	Backups []Backup
	// Missing is how many older ones there are whose labels are not known.
	Missing int
	// Incomplete says why not all are known. Empty if all are.
	Incomplete string
}

// NeedWatch reports whether a Stanza lacks some of the backups of a repo, so that only the
// report of a watch has them all.
func NeedWatch(all []*stanzaflowv1alpha1.Stanza) bool {
	return slices.ContainsFunc(all, func(s *stanzaflowv1alpha1.Stanza) bool {
		return slices.ContainsFunc(s.Status.Repos, func(r stanzaflowv1alpha1.RepoStatus) bool {
			return int(r.Backups) > len(r.Newest) || len(r.Newest) == 0
		})
	})
}

// Listings returns the backups of each repo of a cluster. The Stanza has the newest ten;
// the report of the newest watch has the labels of all.
func Listings(stanza *stanzaflowv1alpha1.Stanza, watches []*wfv1.Workflow) []Listing {
	found, why := watched(watches)
	sample, asked := found.Clusters[stanza.Name]
	if why == "" && (!asked || sample.Repos == nil) {
		why = "the newest watch could not ask pgbackrest info of this cluster"
		if sample.Message != "" {
			why += ": " + sample.Message
		}
	}
	proven := provenLabels(stanza)
	listings := make([]Listing, 0, len(stanza.Status.Repos))
	for i := range stanza.Status.Repos {
		repo := &stanza.Status.Repos[i]
		listings = append(listings, listing(stanza, repo, sample.Repos[repo.Name], why, proven))
	}
	return listings
}

func listing(stanza *stanzaflowv1alpha1.Stanza, repo *stanzaflowv1alpha1.RepoStatus, seen report.RepoSample, why string, proven map[string]bool) Listing {
	l := Listing{Repo: repo.Name}
	known := map[string]stanzaflowv1alpha1.ListedBackup{}
	var labels []string
	for _, list := range [][]stanzaflowv1alpha1.ListedBackup{repo.Newest, seen.Newest} {
		for i := range list {
			known[list[i].Label] = list[i]
		}
	}
	switch {
	case len(repo.Newest) > 0 && int(repo.Backups) <= len(repo.Newest), len(seen.Labels) == 0:
		for i := range repo.Newest {
			labels = append(labels, repo.Newest[i].Label)
		}
	default:
		labels = slices.Clone(seen.Labels)
	}
	if l.Missing = max(0, int(repo.Backups)-len(labels)); l.Missing > 0 || len(labels) == 0 && repo.LastBackup != nil {
		l.Incomplete = why
	}
	slices.Sort(labels)
	for _, label := range labels {
		b := backupOf(label, known)
		b.Namespace, b.Cluster, b.Repo, b.Proven = stanza.Namespace, stanza.Name, repo.Name, provenText(known[label], proven[repo.Name+"/"+label])
		l.Backups = append(l.Backups, b)
	}
	return l
}

func backupOf(label string, known map[string]stanzaflowv1alpha1.ListedBackup) Backup {
	b := Backup{Label: label, Type: pgbackrest.TypeOf(label)}
	if listed, ok := known[label]; ok {
		b.Type, b.StartTime, b.StopTime = listed.Type, &listed.StartTime, &listed.StopTime
		b.DatabaseBytes, b.RepoBytes, b.Error = listed.DatabaseBytes, listed.RepoBytes, listed.Error
	}
	return b
}

func provenText(listed stanzaflowv1alpha1.ListedBackup, proven bool) string {
	switch {
	case proven:
		return ProvenYes
	case listed.Label != "" && listed.Run == "":
		return ProvenNo
	}
	return ProvenUnknown
}

// provenLabels are "<repo>/<label>" of the backups that the Stanza knows to be proven.
func provenLabels(stanza *stanzaflowv1alpha1.Stanza) map[string]bool {
	proven := map[string]bool{}
	add := func(b *stanzaflowv1alpha1.BackupStatus) {
		if b != nil {
			proven[b.Repo+"/"+b.Label] = true
		}
	}
	add(stanza.Status.LastBackup)
	for i := range stanza.Status.Repos {
		add(stanza.Status.Repos[i].LastBackup)
	}
	for i := range stanza.Status.Schedules {
		entry := &stanza.Status.Schedules[i]
		add(entry.LastBackup)
		for _, run := range entry.Runs {
			if run.Label != "" && run.Result == stanzaflowv1alpha1.RunSucceeded {
				proven[entry.Repo+"/"+run.Label] = true
			}
		}
	}
	return proven
}

// BackupTable returns the backups as a table, the newest of each repo first.
func BackupTable(listings []Listing, now time.Time) printer.Table {
	t := printer.Table{Columns: []printer.Column{
		{Name: "cluster"},
		{Name: "repo"},
		{Name: "backup"},
		{Name: "type"},
		{Name: "stopped"},
		{Name: "age"},
		{Name: "took", Wide: true},
		{Name: "database"},
		{Name: "added"},
		{Name: "proven"},
		{Name: "error"},
	}}
	for _, l := range listings {
		for _, b := range slices.Backward(l.Backups) {
			t.Rows = append(t.Rows, b.row(now))
		}
	}
	return t
}

var provenTones = map[string]printer.Tone{ProvenYes: printer.Good, ProvenNo: printer.Bad, ProvenUnknown: printer.Uncertain}

func (b Backup) row(now time.Time) []printer.Cell {
	stopped, age, took, database, added := unknownText, "", "", "", ""
	if b.StopTime != nil {
		stopped, age, took = stamp(b.StopTime), short(now.Sub(b.StopTime.Time)), short(b.StopTime.Sub(b.StartTime.Time))
		database, added = report.FormatBytes(b.DatabaseBytes), report.FormatBytes(b.RepoBytes)
	}
	row := printer.Cells(b.Cluster, b.Repo, b.Label, b.Type, stopped, age, took, database, added)
	row = append(row, printer.Cell{Text: b.Proven, Tone: provenTones[b.Proven]})
	if b.Error {
		return append(row, printer.Cell{Text: "page checksums", Tone: printer.Bad})
	}
	return append(row, printer.Cell{})
}

// Notes are sentences about the listings that are not complete.
func Notes(listings []Listing) []string {
	var notes []string
	for _, l := range listings {
		if l.Incomplete == "" {
			continue
		}
		what := fmt.Sprintf("%s holds %d more backups that are older", l.Repo, l.Missing)
		if len(l.Backups) == 0 {
			what = "the backups in " + l.Repo + " are not known"
		}
		notes = append(notes, what+": "+strings.TrimSuffix(l.Incomplete, "."))
	}
	return notes
}
