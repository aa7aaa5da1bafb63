// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"

	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// begin refuses wrong parameters, and writes the report of a run that has proven
// nothing yet. From here on Argo has something to publish, whatever happens.
func (s *step) begin(context.Context) error {
	if s.mistake != nil {
		return attempt.Stop("%v", s.mistake)
	}
	s.logf("%s backup of postgresql %s/%s to %s, run %s", s.Backup.Type, s.Namespace, s.Cluster, s.Backup.Repo, s.Run)
	return s.Workspace.saveOptions(s.Options)
}
