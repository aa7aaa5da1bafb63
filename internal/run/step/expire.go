// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// expire applies the retention of the repo. The backup is made already, so a failure
// here does not fail the run. It is in the report, and the Stanza says
// RetentionFailed until an expire succeeds. In the form dag the step fails, which shows its
// node red, and the run continues. It fails a pre-deploy run: a repo that cannot be
// written, or fills up, is no ground to deploy on.
func (s *step) expire(ctx context.Context) error {
	err := s.expireOnce(ctx)
	if err == nil {
		s.report.Retention = &report.Retention{}
		return nil
	}
	failure := attempt.Of(err)
	s.report.Retention = &report.Retention{Failed: true, Code: failure.Code, Message: report.OneLine(failure.Message)}
	if s.Kind == vocab.RunPredeploy {
		failure := *failure
		failure.Message = fmt.Sprintf("the retention of %s cannot be applied, so the deploy must not continue: %s", s.Backup.Repo, failure.Message)
		return failure.Err()
	}
	if s.Form == vocab.FormDAG {
		return err
	}
	if ctx.Err() == nil && !failure.Wait && (failure.Stop || s.attempts.Last()) {
		s.logf("RETENTION FAILED, the backup is not affected: %s", failure.Message)
		return nil
	}
	return err
}

func (s *step) expireOnce(ctx context.Context) error {
	p, at, err := s.locate(ctx)
	if err != nil {
		return err
	}
	argv, err := pgbackrest.ExpireCommand(vocab.PgBackRestStanza, p.Repo)
	if err != nil {
		return attempt.Stop("%v", err)
	}
	return s.cluster.FollowPgBackRest(ctx, at, argv)
}
