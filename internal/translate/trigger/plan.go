// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"slices"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Input is what the triggers of a cluster depend on.
type Input struct {
	Cluster cpo.Postgresql
	Stanza  stanzaflowv1alpha1.StanzaSpec
	// Repos are the names of those that are planned.
	Repos []string
	// StartOverdue is that of a Stanza that does not say it.
	StartOverdue bool
}

// Planned is what becomes of the triggers of a cluster.
type Planned struct {
	// Triggers in the order of their names.
	Triggers []Trigger
	// Kept are the names of the triggers that start nothing now and keep their status.
	Kept []string
	// Initial is the first run of each repo.
	Initial []Initial
	// Overdue is for each repo, if overdue backups are to be started.
	Overdue  []Overdue
	Problems problem.List
}

// Plan checks the triggers of a Stanza.
func Plan(in Input) Planned {
	var planned Planned
	for _, repo := range in.Repos {
		planned.Initial = append(planned.Initial, Initial{Repo: repo, Kind: initialKind(in.Stanza)})
		if in.startsOverdue() {
			planned.Overdue = append(planned.Overdue, Overdue{Repo: repo})
		}
	}
	names := map[string]bool{}
	for i, spec := range in.Stanza.Triggers {
		trigger, problems := check(in, spec, i)
		again := names[spec.Name]
		if again {
			problems.AddStanza(field(i, "name"), vocab.ReasonInvalidTrigger, "names two triggers; rename one of them")
		}
		names[spec.Name] = true
		planned.Problems = append(planned.Problems, problems...)
		// A repo of the postgresql with a mistake has a Problem of its own.
		switch {
		case again:
		case problems.Refuse() || !slices.Contains(in.Repos, trigger.Repo):
			planned.Kept = append(planned.Kept, spec.Name)
		default:
			planned.Triggers = append(planned.Triggers, trigger)
		}
	}
	slices.SortFunc(planned.Triggers, func(a, b Trigger) int { return strings.Compare(a.Name, b.Name) })
	return planned
}

// Names of all triggers of a Stanza, good or not.
func Names(stanza stanzaflowv1alpha1.StanzaSpec) []string {
	var names []string
	for _, trigger := range stanza.Triggers {
		names = append(names, trigger.Name)
	}
	return names
}

func (in Input) startsOverdue() bool {
	if asked := in.Stanza.StartOverdue; asked != nil {
		return *asked
	}
	return in.StartOverdue
}

func initialKind(stanza stanzaflowv1alpha1.StanzaSpec) vocab.RunKind {
	if stanza.InitialBackup != nil && !*stanza.InitialBackup {
		return vocab.RunStanza
	}
	return vocab.RunBackup
}
