// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"io"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Finder reads the resources and the pods of a cluster from the API server.
type Finder interface {
	// Postgresql returns the resource, and cpo.BackupDigest of it.
	Postgresql(ctx context.Context, namespace, name string) (cluster cpo.Postgresql, backupDigest string, err error)
	// Stanza returns the Stanza of the same name, zero if it does not exist.
	Stanza(ctx context.Context, namespace, name string) (stanzaflowv1alpha1.Stanza, error)
	// Pods returns the pods with all these labels.
	Pods(ctx context.Context, namespace string, labels map[string]string) ([]corev1.Pod, error)
	// CronJobs returns the CronJobs with all these labels.
	CronJobs(ctx context.Context, namespace string, labels map[string]string) ([]batchv1.CronJob, error)
	// Jobs returns the Jobs with all these labels.
	Jobs(ctx context.Context, namespace string, labels map[string]string) ([]batchv1.Job, error)
	// HasConfigMap reports whether there is a ConfigMap of a name, without reading
	// it.
	HasConfigMap(ctx context.Context, namespace, name string) (bool, error)
}

// Lister reads all clusters of a namespace at once, with a request for each kind and not
// for each cluster.
type Lister interface {
	// Postgresqls returns the resources of a namespace.
	Postgresqls(ctx context.Context, namespace string) ([]cpo.Postgresql, error)
	// Stanzas returns the Stanzas of a namespace by their names: whether they are managed,
	// their conditions and the declared configuration.
	Stanzas(ctx context.Context, namespace string) (map[string]stanzaflowv1alpha1.Stanza, error)
	// PodsInBrief returns the pods with all these labels, as far as Find looks at them.
	PodsInBrief(ctx context.Context, namespace string, labels map[string]string) ([]corev1.Pod, error)
}

// Workflows reads and annotates the Workflow of a run.
type Workflows interface {
	// Cancelled says who ended the run: "argo stop", "argo terminate", or that
	// its Workflow is deleted. Empty while nobody has. A Workflow of that name
	// with another UID is another run.
	Cancelled(ctx context.Context, namespace, name, uid string) (string, error)
	// Started is when Argo started the Workflow, or retried it last. Zero if it has not
	// said so yet.
	Started(ctx context.Context, namespace, name, uid string) (time.Time, error)
	// Slot is when the Workflow of a scheduled run was due. For a Workflow that
	// Argo has not made of a CronWorkflow it is when that was created. Zero if a person has
	// resubmitted the run of a schedule, whose parameters and annotations it then has.
	Slot(ctx context.Context, namespace, name, uid string) (time.Time, error)
	// RecordEvent leaves an event at the Workflow. Argo does not publish what a
	// run that is stopped does with its backup.
	RecordEvent(ctx context.Context, namespace, name, uid, reason, message string) error
}

// Servers are those of pgBackRest in the pods of a cluster.
type Servers interface {
	// CertificateEnd is when the certificate of the server at an address expires.
	CertificateEnd(ctx context.Context, address string) (time.Time, error)
}

// Executor runs a command in a container.
type Executor interface {
	// Exec runs argv, never through a shell. Output is copied to stdout and
	// stderr as it comes. The error is an ExitError if the command ended with a
	// code other than 0; with any other error nobody knows whether the command
	// is still running.
	Exec(ctx context.Context, at Place, argv []string, stdout, stderr io.Writer) error
}
