// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// creations is how often a Workflow is created whose creation was not answered.
const creations = 10

// Submit creates the Workflow of a run. If the API server does not answer, it tries
// again with the same name, which no other run has, so that there is one run.
func Submit(ctx context.Context, to Workflows, clk clock.Clock, pause time.Duration, workflow *wfv1.Workflow) (*wfv1.Workflow, error) {
	namespace, name := workflow.Namespace, workflow.Name
	var lost error
	for range creations {
		created, err := to.Create(ctx, workflow.DeepCopy())
		switch {
		case err == nil:
			return created, nil
		case apierrors.IsAlreadyExists(err) && lost != nil:
			if created, err = to.Get(ctx, namespace, name); err == nil {
				return created, nil
			}
		case notServed(err):
			return nil, noArgo()
		case answered(err):
			return nil, explain(err, "create", "workflows.argoproj.io", "Workflow", namespace, name)
		}
		lost = err
		select {
		case <-ctx.Done():
			return nil, notKnown(namespace, name, lost)
		case <-clk.After(pause):
		}
	}
	return nil, notKnown(namespace, name, lost)
}

// answered reports whether the API server has refused a request. Otherwise it may have
// carried it out.
func answered(err error) bool {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= 400 && code < 500 && !apierrors.IsTooManyRequests(err)
}

func notKnown(namespace, name string, err error) error {
	return fmt.Errorf("the API server did not answer, so the run may have started and may not: look with kubectl -n %s get workflow %s: %w", namespace, name, err)
}

// describe says in a few words what a run is for.
func (c Checked) describe() string {
	r := c.Run
	if cmp.Or(r.Kind, vocab.RunBackup) == vocab.RunPredeploy {
		return fmt.Sprintf("pre-deploy run for postgresql %s, %s of %s if a backup is needed", r.Cluster, r.Type, r.Repo)
	}
	return fmt.Sprintf("%s backup of postgresql %s in %s", r.Type, r.Cluster, r.Repo)
}
