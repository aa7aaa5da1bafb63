// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Finder reads what a step needs to know from the API server.
type Finder interface {
	// Postgresql returns the decoded resource with what could not be read.
	Postgresql(ctx context.Context, namespace, name string) (cpo.Postgresql, []cpo.FieldError, error)
	// Stanza returns the Stanza of the same name, zero where there is none.
	Stanza(ctx context.Context, namespace, name string) (stanzaflowv1alpha1.Stanza, error)
	// Cancelled says who ended the run: "argo stop", "argo terminate", or that
	// its Workflow is deleted. Empty while the run is wanted. A Workflow of that
	// name with another UID is another run.
	Cancelled(ctx context.Context, namespace, name, uid string) (string, error)
	// Tell leaves an event at the Workflow: what a run that is stopped does with
	// its backup, Argo does not publish.
	Tell(ctx context.Context, namespace, name, uid, reason, message string) error
	// Pods returns the pods with all these labels.
	Pods(ctx context.Context, namespace string, labels map[string]string) ([]corev1.Pod, error)
}

// Executor runs a command in a container.
type Executor interface {
	// Exec runs argv, never through a shell. Output is copied to stdout and
	// stderr as it comes. The error is an ExitError when the command ended
	// with a code other than 0; with any other error nobody knows whether the
	// command runs on.
	Exec(ctx context.Context, at Place, argv []string, stdout, stderr io.Writer) error
}

// Place is a container of a pod.
type Place struct{ Namespace, Pod, Container string }

func (p Place) String() string { return p.Namespace + "/" + p.Pod + " (" + p.Container + ")" }

// ExitError is a command that ended with a code other than 0.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// ExitCode reports how a command ended, and whether that is known.
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
