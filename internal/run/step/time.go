// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Why something was not waited for any longer.
var (
	errOutOfTime = errors.New("the run is out of time")
	errNoAnswer  = errors.New("no answer in time")
)

// lockPeriod between two tries of a command that found the lock taken.
const lockPeriod = 15 * time.Second

// within ends the context after a time of the step's clock, for that cause.
func (s *step) within(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if d <= 0 {
		cancel(cause)
	}
	timer := s.Clock.AfterFunc(d, func() { cancel(cause) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// inTime ends the context at the deadline of the run.
func (s *step) inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.Deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return s.within(ctx, s.Deadline.Sub(s.Clock.Now()), errOutOfTime)
}

// patiently does the work again for as long as another pgBackRest has the lock.
// That is no failure and uses up no attempt. It may well be the command whose
// stream was lost a moment ago.
func (s *step) patiently(ctx context.Context, work func(context.Context) error) error {
	for {
		err := work(ctx)
		if err == nil {
			return nil
		}
		failure := asFailure(err)
		if !failure.Wait {
			return err
		}
		if s.wait(ctx, lockPeriod, "%s", failure.Message) != nil {
			return err
		}
	}
}

// wait says once a minute what it waits for.
func (s *step) wait(ctx context.Context, d time.Duration, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if now := s.Clock.Now(); now.Sub(s.told) >= time.Minute {
		s.logf("waiting: %s", text)
		s.told = now
	}
	if err := s.sleep(ctx, d); err != nil {
		return fmt.Errorf("it waited, %s: %w", text, err)
	}
	return nil
}

// sleep waits, or until there is no more time.
func (s *step) sleep(ctx context.Context, d time.Duration) error {
	timer := s.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}
