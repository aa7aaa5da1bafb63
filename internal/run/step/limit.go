// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// limitFromStart counts the limit from when Argo started the Workflow. Argo sets that
// again when somebody retries an old run, which would else be out of time at once. Until
// it is set, the limit counts from the creation.
func (s *step) limitFromStart(ctx context.Context) error {
	if s.Deadline.IsZero() {
		return nil
	}
	started, err := s.findStart(ctx)
	switch {
	case err == nil && !started.IsZero():
		s.Deadline = started.Add(s.Limit)
	case err == nil:
	case s.Clock.Now().Before(s.Deadline):
		s.logf("cannot read when the Workflow was started, so its limit counts from its creation: %v", err)
	default:
		// It may have been retried just now. Another pod asks again.
		return (&attempt.Failure{Stopped: true, Message: fmt.Sprintf("cannot read when the Workflow was started, and %s after its creation it may be out of time: %v", s.Limit, err)}).Err()
	}
	return nil
}

func (s *step) findStart(ctx context.Context) (started time.Time, err error) {
	err = s.insist(ctx, func(ctx context.Context) (err error) {
		started, err = s.Workflows.Started(ctx, s.Namespace, s.Workflow, s.Run)
		return err
	})
	return started, err
}

// insist asks the API server until it answers, for askTime at most. It may be slow.
func (s *step) insist(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := s.clock.Within(ctx, askTime, attempt.ErrNoAnswer)
	defer cancel()
	for {
		err := s.askOnce(ctx, question)
		if err == nil {
			return nil
		}
		if s.clock.Sleep(ctx, time.Second) != nil {
			return err
		}
	}
}

func (s *step) askOnce(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := s.clock.Within(ctx, askTime/3, attempt.ErrNoAnswer)
	defer cancel()
	return question(ctx)
}
