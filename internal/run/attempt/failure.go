// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package attempt

import (
	"errors"
	"fmt"

	"github.com/cenkalti/backoff/v4"
)

// Failure is why a step did not do its work.
//
//nolint:errname // the word of the report; it is an error only on its way there
type Failure struct {
	// Message says what failed, on which object, and what to do, in one line.
	Message string
	// Code is pgBackRest's exit code, 0 if no pgBackRest command failed.
	Code int
	// Stop means that another attempt cannot help.
	Stop bool
	// Wait means that another pgBackRest command holds the lock.
	Wait bool
	// Lost means that the stream broke, and nobody knows how the command ended.
	Lost bool
	// Held means that the run must not happen now. Without Stop it is tried
	// again, and is held when all attempts are used up.
	Held bool
	// Stopped means that the step received SIGTERM before it ended.
	Stopped bool
	// Late means that the run is out of time.
	Late bool
}

func (f *Failure) Error() string { return f.Message }

// Err returns the Failure as an error. One that only a person can fix ends the
// Series.
func (f *Failure) Err() error {
	if f.Stop {
		return backoff.Permanent(f)
	}
	return f
}

// Stop returns a Failure that only a person can fix.
func Stop(format string, args ...any) error {
	return (&Failure{Message: fmt.Sprintf(format, args...), Stop: true}).Err()
}

// Held returns a Failure because no backup can or may be made now.
func Held(format string, args ...any) error {
	return (&Failure{Message: fmt.Sprintf(format, args...), Stop: true, Held: true}).Err()
}

// Retry returns a Failure that may be over at the next attempt.
func Retry(format string, args ...any) error {
	return &Failure{Message: fmt.Sprintf(format, args...)}
}

// Of finds the Failure in an error. An error without one came from the API
// server or an exec stream: it may be over at the next attempt.
func Of(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Message: err.Error()}
}
