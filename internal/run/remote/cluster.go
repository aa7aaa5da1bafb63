// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"fmt"
	"io"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// Cluster is the pods of one postgresql resource, and what runs in them.
type Cluster struct {
	Finder   Finder
	Executor Executor
	Servers  Servers
	Clock    attempt.Clock
	// Namespace and Name of the postgresql resource.
	Namespace, Name string
	// Labels by which its pods are found.
	Labels cpo.Labels
	// Log is the log of the container, Transcript the file that also gets what
	// the commands of pgBackRest log.
	Log        io.Writer
	Transcript string
	// Logf writes a line of our own to Log.
	Logf func(format string, args ...any)

	// seen are the pods that LookAround has found. Nil if it was not called.
	seen *[]corev1.Pod

	mutex sync.Mutex
	// took are the commands that were run, in the order of their first time.
	took []took
	// ahead are the answers that wait for a command, by place and command line.
	ahead map[string][]answer
}

// Place is a container of a pod.
type Place struct{ Namespace, Pod, Container string }

func (p Place) String() string { return p.Namespace + "/" + p.Pod + " (" + p.Container + ")" }

// ExitError is a command that ended with a code other than 0.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// ExitCode returns how a command ended, and whether that is known.
func ExitCode(err error) (int, bool) {
	var e *ExitError
	switch {
	case err == nil:
		return 0, true
	case errors.As(err, &e):
		return e.Code, true
	default:
		return 0, false
	}
}
