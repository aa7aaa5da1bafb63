// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// Unreleased is what must still be given back before an uninstall. A name is
// "<namespace>/<name>".
type Unreleased struct {
	// CronJobs of CPO that we have suspended.
	CronJobs []string
	// CronWorkflows of ours.
	CronWorkflows []string
	// Deadlines are the CronJobs that have been given back with
	// startingDeadlineSeconds, so that a slot that we have had does not start again.
	Deadlines []string
}

// FindUnreleased looks in some namespaces or, if there are none, in all.
func FindUnreleased(ctx context.Context, reader client.Reader, namespaces []string) (Unreleased, error) {
	var left Unreleased
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		found, err := object.CronJobsOfCPO(ctx, reader, namespace)
		if err != nil {
			return left, err
		}
		for _, cronJob := range found {
			name := cronJob.Namespace + "/" + cronJob.Name
			switch {
			case cronJob.Deleting:
			case cronJob.SuspendedByUs():
				left.CronJobs = append(left.CronJobs, name)
			case cronJob.DeadlineByUs():
				left.Deadlines = append(left.Deadlines, name)
			}
		}
		ours, err := object.List(ctx, reader, object.CronWorkflow, namespace, object.Managed())
		if err != nil && !meta.IsNoMatchError(err) {
			return left, err
		}
		for _, cronWorkflow := range ours {
			left.CronWorkflows = append(left.CronWorkflows, cronWorkflow.GetNamespace()+"/"+cronWorkflow.GetName())
		}
	}
	for _, names := range [][]string{left.CronJobs, left.CronWorkflows, left.Deadlines} {
		slices.Sort(names)
	}
	return left, nil
}
