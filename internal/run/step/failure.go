// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"errors"
	"fmt"

	"github.com/cenkalti/backoff/v4"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// Exit codes of a step. Argo and the kernel own 64, 125 to 128, 137 and 143.
// The WorkflowTemplate starts a pod again for any code but the first two.
const (
	// ExitStop: it will not get better by itself.
	ExitStop = 20
	// ExitGaveUp: all attempts are used up.
	ExitGaveUp = 30
	// ExitStopped: the pod was told to end, as when its node is drained.
	// Another pod finds the backup where it is and goes on.
	ExitStopped = 40
)

// Failure is why a step did not do its work.
//
//nolint:errname // the word of the report; it is an error only on its way there
type Failure struct {
	// Message says what failed, on which object, and what to do, in one line.
	Message string
	// Code is pgBackRest's exit code, 0 when no pgBackRest command failed.
	Code int
	// Stop: another attempt cannot help.
	Stop bool
	// Wait: another pgBackRest command holds the lock.
	Wait bool
	// Lost: the stream broke, and nobody knows how the command ended.
	Lost bool
	// Held: the run must not happen now. Without Stop it is tried again, and is
	// held when all attempts are used up.
	Held bool
	// Stopped: the step was told to end before it had.
	Stopped bool
	// Late: the run is out of time.
	Late bool
}

func (f *Failure) Error() string { return f.Message }

// stop is a Failure that only a person can mend.
func stop(format string, args ...any) error {
	return backoff.Permanent(&Failure{Message: fmt.Sprintf(format, args...), Stop: true})
}

// held is a Failure because no backup can or must be made now.
func held(format string, args ...any) error {
	return backoff.Permanent(&Failure{Message: fmt.Sprintf(format, args...), Stop: true, Held: true})
}

// retry is a Failure that may be over at the next attempt.
func retry(format string, args ...any) error {
	return &Failure{Message: fmt.Sprintf(format, args...)}
}

// commandFailed turns the exit of a pgBackRest command into a Failure by the
// class of its code.
func commandFailed(command string, at remote.Place, f failure.Diagnosis) error {
	failure := &Failure{
		Message: fmt.Sprintf("%s failed in %s: %s", command, at, f),
		Code:    f.Code, Stop: f.Class == failure.Stop, Wait: f.Class == failure.Wait,
	}
	if failure.Stop {
		return backoff.Permanent(failure)
	}
	return failure
}

// asFailure finds the Failure in an error. An error that is none came from the
// API server or an exec stream: it may be over at the next attempt.
func asFailure(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Message: err.Error()}
}
