// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"io"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/watch"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Finder reads what a request is checked against. Its errors are those of the API
// server.
type Finder interface {
	// Postgresql returns a postgresql, and what could not be read of it.
	Postgresql(ctx context.Context, namespace, name string) (cpo.Postgresql, []cpo.FieldError, error)
	// Postgresqls returns the names of all postgresqls of a namespace.
	Postgresqls(ctx context.Context, namespace string) ([]string, error)
	// Stanza returns a Stanza, an empty one if there is none.
	Stanza(ctx context.Context, namespace, name string) (stanzaflowv1alpha1.Stanza, error)
	// Template returns a WorkflowTemplate.
	Template(ctx context.Context, namespace, name string) (*wfv1.WorkflowTemplate, error)
}

// Workflows creates and reads Workflows.
type Workflows interface {
	Create(ctx context.Context, workflow *wfv1.Workflow) (*wfv1.Workflow, error)
	Get(ctx context.Context, namespace, name string) (*wfv1.Workflow, error)
	// Watch reports the changes of one Workflow since a version of it. Every object of
	// its events is a Workflow, or the status of an error.
	Watch(ctx context.Context, namespace, name, since string) (watch.Interface, error)
}

// Logs reads the log of a container from a time on, each line with its time, until the
// container ends. A zero time means from the beginning.
type Logs interface {
	Log(ctx context.Context, namespace, pod, container string, since time.Time) (io.ReadCloser, error)
}
