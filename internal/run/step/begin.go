// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// begin refuses wrong parameters, and writes the report of a run that has proven
// nothing yet. From here on Argo has something to publish, whatever happens.
func (s *step) begin(context.Context) error {
	if s.mistake != nil {
		return attempt.Stop("%v", s.mistake)
	}
	s.logf("%s of postgresql %s/%s, run %s", s.purpose(), s.Namespace, s.Cluster, s.Run)
	return s.Workspace.saveOptions(s.Options)
}

// purpose is for the log.
func (s *step) purpose() string {
	switch {
	case s.Kind == vocab.RunStanza:
		return "stanza in every repo"
	case s.Predeploy.OnlyReuse:
		return fmt.Sprintf("restore point with a proven backup in %s at most %s old", s.Backup.Repo, s.Predeploy.MaxAge)
	case s.Kind == vocab.RunPredeploy:
		return fmt.Sprintf("restore point with a %s backup in %s", s.Backup.Type, s.Backup.Repo)
	}
	return fmt.Sprintf("%s backup in %s", s.Backup.Type, s.Backup.Repo)
}
