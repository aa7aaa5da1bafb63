// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// begin checks the parameters and writes the report of a run that has proven
// nothing yet. From here on Argo has something to publish, whatever happens.
func (s *step) begin(context.Context) error {
	if s.Namespace == "" || s.Workflow == "" || s.Run == "" {
		return stop("namespace is %q, workflow %q and run %q, must be namespace, name and UID of the Workflow", s.Namespace, s.Workflow, s.Run)
	}
	if s.Cluster == "" {
		return stop("parameter cluster is empty, must be the name of a postgresql resource in this namespace")
	}
	if _, ok := translate.RepoNumber(s.Repo); !ok {
		return stop("parameter repo is %q, must be repo1, repo2, repo3 or repo4", s.Repo)
	}
	if !slices.Contains(cpo.BackupTypes, s.Type) {
		return stop("parameter type is %q, must be full, diff or incr", s.Type)
	}
	if s.Attempts < 1 {
		return stop("parameter attempts is %d, must be at least 1", s.Attempts)
	}
	if s.Backoff < 0 {
		return stop("parameter backoff is %s, must not be negative", s.Backoff)
	}
	s.logf("%s backup of postgresql %s/%s to %s, run %s", s.Type, s.Namespace, s.Cluster, s.Repo, s.Run)
	return s.Workspace.saveOptions(s.Options)
}
