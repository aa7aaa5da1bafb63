// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// repos has an entry for each repo of the configuration that is in force: the
// planned one, or that of before while a Problem keeps it, and while nothing is
// planned at all, since PostgreSQL then archives by the last one.
func repos(before []stanzaflowv1alpha1.RepoStatus, p pass, runs []outcome.Run) []stanzaflowv1alpha1.RepoStatus {
	known := map[string]stanzaflowv1alpha1.RepoStatus{}
	for _, entry := range before {
		known[entry.Name] = entry
	}
	kept := p.Plan.Keep.Configuration || len(p.Plan.Repos) == 0
	var after []stanzaflowv1alpha1.RepoStatus
	for _, repo := range p.Plan.Repos {
		entry := stanzaflowv1alpha1.RepoStatus{Name: repo.Name, Storage: repo.Storage, Location: repo.Location}
		if was, ok := known[repo.Name]; ok && (kept || was.Storage == entry.Storage && was.Location == entry.Location) {
			entry = was
		}
		delete(known, repo.Name)
		after = append(after, outcome.FoldRepo(entry, runs))
	}
	if kept {
		for _, entry := range known {
			after = append(after, outcome.FoldRepo(entry, runs))
		}
	}
	slices.SortFunc(after, func(a, b stanzaflowv1alpha1.RepoStatus) int { return strings.Compare(a.Name, b.Name) })
	return after
}
