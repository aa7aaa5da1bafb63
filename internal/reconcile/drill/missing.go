// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"cmp"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// DrilledRepos returns status.drilledRepos after a pass, by the names of the repos: whether
// data are missing, by all that is known of drills. Entries are those after the pass. The
// order of the runs does not matter, and folding the same runs again changes nothing.
//
// Only a good drill to Newest takes back that data are missing, from the same repo, and only
// if it began when the other one had ended. It alone compares all of the archive with what
// must be there by then. One to Immediate replays no WAL after the backup, and a moment may
// be before the gap. The time of that good drill is kept, too: the Workflow of the other one
// may be there for longer.
//
// A repo that the cluster has no more is forgotten.
func DrilledRepos(known []stanzaflowv1alpha1.DrilledRepo, entries []stanzaflowv1alpha1.DrillStatus, p Pass) []stanzaflowv1alpha1.DrilledRepo {
	archives := archives{}
	for _, is := range known {
		archives.found(is)
	}
	for i := range entries {
		for _, run := range entries[i].Runs {
			archives.ended(entries[i].Name, p.located(&entries[i], run))
		}
	}
	for i := range p.Runs {
		if run := &p.Runs[i]; run.Kind == vocab.RunDrill && outcome.Finished(&run.Status) {
			archives.ended(run.Drill, runOf(run))
		}
	}
	var after []stanzaflowv1alpha1.DrilledRepo
	for _, name := range slices.Sorted(maps.Keys(archives)) {
		if len(p.Repos) == 0 || slices.Contains(p.Repos, name) {
			after = append(after, withoutRepaired(archives[name]))
		}
	}
	return after
}

// located is a run of the status. One that an older operator has written says neither repo
// nor target: they are those of lastProven if it is that run. Data that are missing are taken
// to be missing in the repo of which the Stanza has that drill restore.
func (p Pass) located(entry *stanzaflowv1alpha1.DrillStatus, run stanzaflowv1alpha1.DrillRun) stanzaflowv1alpha1.DrillRun {
	proven := entry.LastProven
	switch {
	case run.Repo != "":
	case run.DataMissing:
		run.Repo = p.repoOf(entry.Name)
	case run.Result == stanzaflowv1alpha1.RunSucceeded && proven != nil && proven.Workflow == run.Workflow:
		run.Repo, run.Target = proven.Repo, proven.Target
	}
	return run
}

// repoOf is the repo from which a drill restores, empty if nothing says it.
func (p Pass) repoOf(drill string) string {
	for _, d := range p.State.Stanza.Spec.Drills {
		if d.Name == drill && d.Repo != "" {
			return d.Repo
		}
	}
	if len(p.Repos) == 0 {
		return ""
	}
	return p.Repos[0]
}

// archives are what drills have found, by the name of the repo.
type archives map[string]stanzaflowv1alpha1.DrilledRepo

// ended adds a drill that has ended.
func (a archives) ended(drill string, run stanzaflowv1alpha1.DrillRun) {
	is := stanzaflowv1alpha1.DrilledRepo{Repo: run.Repo}
	switch {
	case run.DataMissing:
		is.Missing = &stanzaflowv1alpha1.MissingData{
			Drill: drill, Workflow: run.Workflow, Target: run.Target, Message: run.Message, FinishTime: cmp.Or(run.FinishTime, run.StartTime),
		}
	case run.Result == stanzaflowv1alpha1.RunSucceeded && run.Target == string(stanzaflowv1alpha1.TargetNewest):
		is.NewestProvenTime = run.StartTime
	default:
		return
	}
	a.found(is)
}

// found keeps the newest of both.
func (a archives) found(is stanzaflowv1alpha1.DrilledRepo) {
	was := a[is.Repo]
	if is.NewestProvenTime == nil || is.NewestProvenTime.Before(was.NewestProvenTime) {
		is.NewestProvenTime = was.NewestProvenTime
	}
	if newerMissing(was.Missing, is.Missing) {
		is.Missing = was.Missing
	}
	a[is.Repo] = *is.DeepCopy()
}

func newerMissing(a, b *stanzaflowv1alpha1.MissingData) bool {
	if a == nil || b == nil {
		return a != nil
	}
	return cmp.Or(compare(a.FinishTime, b.FinishTime), cmp.Compare(a.Workflow, b.Workflow)) > 0
}

func withoutRepaired(is stanzaflowv1alpha1.DrilledRepo) stanzaflowv1alpha1.DrilledRepo {
	if is.Missing != nil && is.NewestProvenTime != nil && !is.NewestProvenTime.Before(is.Missing.FinishTime) {
		is.Missing = nil
	}
	return is
}

// newestProof is when the newest good run has ended of a drill that the Stanza has, or of one
// by hand whose Workflow is there. Nil means that nothing is proven: what other drills have
// measured long ago says nothing of now.
func newestProof(entries []stanzaflowv1alpha1.DrillStatus, runs []outcome.Run) *metav1.Time {
	var newest *metav1.Time
	add := func(proven *stanzaflowv1alpha1.ProvenDrill) {
		if proven != nil && (newest == nil || newest.Before(&proven.FinishTime)) {
			newest = &proven.FinishTime
		}
	}
	for i := range entries {
		add(entries[i].LastProven)
	}
	for i := range runs {
		if isDrill(&runs[i], "") {
			add(provenBy(&runs[i]))
		}
	}
	return newest
}
