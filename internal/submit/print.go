// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"io"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// Print prints the logs of the steps of a run in their order, and nothing else of it. With
// follow it ends with the run; otherwise Logs must end by themselves.
func (f Follower) Print(ctx context.Context, workflow *wfv1.Workflow, follow bool) error {
	out := &printer{out: f.Out, clock: f.Clock, begin: f.Clock.Now()}
	tail := startTail(ctx, f, out, workflow)
	tail.see(workflow)
	defer tail.finish(ctx)
	if !follow || !outcome.Running(workflow) {
		return nil
	}
	quiet := &printer{out: io.Discard, clock: f.Clock, begin: out.begin}
	following := &following{
		Follower: f, printer: out, progress: newProgress(quiet), tail: tail, last: workflow, uid: workflow.UID, remark: f.Clock.After(patience),
	}
	return following.untilOver(ctx)
}
