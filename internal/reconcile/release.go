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

// Unreleased lists what must still be given back before an uninstall, in some
// namespaces or, if there are none, in all: the CronJobs of CPO that we have
// suspended, and our CronWorkflows. A line names each.
func Unreleased(ctx context.Context, reader client.Reader, namespaces []string) (cronJobs, cronWorkflows []string, err error) {
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		found, err := object.CronJobsOfCPO(ctx, reader, namespace)
		if err != nil {
			return nil, nil, err
		}
		for _, cronJob := range found {
			if cronJob.SuspendedByUs() && !cronJob.Deleting {
				cronJobs = append(cronJobs, cronJob.Namespace+"/"+cronJob.Name)
			}
		}
		ours, err := object.List(ctx, reader, object.CronWorkflow, namespace, object.Managed())
		if err != nil && !meta.IsNoMatchError(err) {
			return nil, nil, err
		}
		for _, cronWorkflow := range ours {
			cronWorkflows = append(cronWorkflows, cronWorkflow.GetNamespace()+"/"+cronWorkflow.GetName())
		}
	}
	slices.Sort(cronJobs)
	slices.Sort(cronWorkflows)
	return cronJobs, cronWorkflows, nil
}
