// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	// maxBackoff bounds the wait between two attempts.
	maxBackoff = 5 * time.Minute
	// lockPeriod is the wait between two tries of a command that found the lock
	// taken.
	lockPeriod = 15 * time.Second
	// logPeriod is how often the log says what the step is waiting for.
	logPeriod = time.Minute
)

// Series is the attempts of one step.
type Series struct {
	// Name of the step, for messages.
	Name  string
	Clock Clock
	Logf  func(format string, args ...any)
	// Attempts is how often the step tries, Backoff the wait before its second
	// attempt. It doubles up to five minutes.
	Attempts int
	Backoff  time.Duration
	// Deadline is when the run must be over. Zero means none.
	Deadline time.Time
	// Once means that the first failure ends the Series, except after Hold: the next
	// attempt is that of another pod.
	Once bool

	// count starts from 1, retries knows how many are left.
	count   int
	retries backoff.BackOff
	// held is what Hold was called with last.
	held bool
	// lastLogged is when we last logged what the step is waiting for.
	lastLogged time.Time
}

// Do does the work until it succeeds, all attempts are used up, the deadline has
// passed or the context ends.
func (s *Series) Do(ctx context.Context, work func(context.Context) error) error {
	ctx, cancel := s.untilDeadline(ctx)
	defer cancel()
	if errors.Is(context.Cause(ctx), ErrOutOfTime) {
		return &Failure{Late: true, Message: fmt.Sprintf("step %s had not begun: it waited for another run of the cluster, or for a node", s.Name)}
	}
	s.retries = s.backOff(ctx)
	var last error
	err := backoff.RetryNotify(func() error {
		s.count++
		if last = s.waitForLock(ctx, work); last != nil && s.Once && !s.held {
			return backoff.Permanent(last)
		}
		return last
	}, s.retries, func(err error, wait time.Duration) {
		s.Logf("attempt %d of %d failed, next in %s: %s", s.count, s.Attempts, wait.Round(time.Second), err)
	})
	if err == nil {
		return nil
	}
	// When stopped, err is only the cancellation; keep the last real failure.
	failure := *Of(last)
	failure.Late = errors.Is(context.Cause(ctx), ErrOutOfTime)
	return &failure
}

// Count returns how many attempts were made, the one in progress included.
func (s *Series) Count() int { return s.count }

// Last reports whether a failure now is the end of the step.
func (s *Series) Last() bool { return s.count >= s.Attempts }

// StartOver makes this attempt the first: attempts bound failures in a row, and
// something has gone well since the last one.
func (s *Series) StartOver() {
	s.count = 1
	s.retries.Reset()
}

// Hold says whether a Series of Once tries again for now: while no other pod is there to
// notice what this one has begun.
func (s *Series) Hold(held bool) { s.held = held }

// Wait sleeps, and logs once a minute what it waits for.
func (s *Series) Wait(ctx context.Context, d time.Duration, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if now := s.Clock.Now(); now.Sub(s.lastLogged) >= logPeriod {
		s.Logf("waiting: %s", text)
		s.lastLogged = now
	}
	if err := s.Clock.Sleep(ctx, d); err != nil {
		return fmt.Errorf("it waited, %s: %w", text, err)
	}
	return nil
}

// untilDeadline ends the context at the deadline of the run.
func (s *Series) untilDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.Deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return s.Clock.Within(ctx, s.Deadline.Sub(s.Clock.Now()), ErrOutOfTime)
}

// waitForLock does the work again for as long as another pgBackRest has the
// lock. That is no failure and uses up no attempt. The other one may well be the
// command whose stream was lost a moment ago.
func (s *Series) waitForLock(ctx context.Context, work func(context.Context) error) error {
	for {
		err := work(ctx)
		if err == nil {
			return nil
		}
		failure := Of(err)
		if !failure.Wait {
			return err
		}
		if s.Wait(ctx, lockPeriod, "%s", failure.Message) != nil {
			return err
		}
	}
}

// backOff doubles without randomness: one run waits for one cluster, and a
// reader of the log can check the figures.
func (s *Series) backOff(ctx context.Context) backoff.BackOff {
	exponential := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(s.Backoff), backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0),
		backoff.WithMaxInterval(maxBackoff), backoff.WithMaxElapsedTime(0),
	)
	retries := uint64(max(0, s.Attempts-1))
	return backoff.WithContext(backoff.WithMaxRetries(exponential, retries), ctx)
}
