// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package attempt

import (
	"context"
	"errors"
	"time"

	"k8s.io/utils/clock"
)

// Causes with which a context ends.
var (
	ErrOutOfTime = errors.New("the run is out of time")
	ErrNoAnswer  = errors.New("no answer in time")
)

// Clock is the clock of a step, which tests replace.
type Clock struct{ clock.WithDelayedExecution }

// Within ends the context after d, with that cause.
func (c Clock) Within(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if d <= 0 {
		cancel(cause)
	}
	timer := c.AfterFunc(d, func() { cancel(cause) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// Sleep waits for d, or until the context ends. It returns the cause of that.
func (c Clock) Sleep(ctx context.Context, d time.Duration) error {
	timer := c.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}
