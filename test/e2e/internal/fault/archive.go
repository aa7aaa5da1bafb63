// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/argoui"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// archiveFaults hit the database in which Argo keeps the runs that have ended.
var archiveFaults = []trial.Fault{
	{Name: "archive-away", What: "the database of Argo's archive is down until the run is over", Moments: trial.Anytime, Alone: true, Lasting: true, Slow: true, Inject: func(t *testing.T, _ *trial.Trial) func() {
		return takeAway(t, "argo", "statefulset/argo-archive")
	}, Judge: judgeUnarchived, After: judgeArchived},
}

// archiveAgain is how long Argo may take: it looks again every 20 minutes at a Workflow
// that it could not archive.
const archiveAgain = 25 * time.Minute

// judgeUnarchived checks that a run needs no archive, and that it waits there for it.
func judgeUnarchived(t *testing.T, tr *trial.Trial) (wrong []string) {
	t.Helper()
	var run wfv1.Workflow
	err := tr.World.Kit.TryGet(t.Context(), tr.Workflow, &run)
	if status := run.Labels[vocab.LabelArchiving]; err != nil || status != vocab.ArchivingPending {
		wrong = append(wrong, fmt.Sprintf("the Workflow is to be %s by an archive whose database is down: %v", status, err))
	}
	if run.Status.Phase != wfv1.WorkflowSucceeded {
		wrong = append(wrong, fmt.Sprintf("a run needs no archive, and is %s: %s", run.Status.Phase, kit.DescribeRun(&run)))
	}
	return wrong
}

// judgeArchived checks that the Workflow stays until it is archived, with the result that
// the operator has written meanwhile, and that the archive has it.
func judgeArchived(t *testing.T, tr *trial.Trial) []string {
	t.Helper()
	began := time.Now()
	var run wfv1.Workflow
	archived, got := wait.Try(archiveAgain, func() (bool, string) {
		err := tr.World.Kit.TryGet(t.Context(), tr.Workflow, &run)
		return err == nil && run.Labels[vocab.LabelArchiving] == "Archived", fmt.Sprintf("%v %v", err, run.Labels)
	})
	fmt.Printf("MEASURED a run was archived %.0f s after the database was back\n", time.Since(began).Seconds())
	if !archived {
		return []string{"the database is back, and the Workflow is not archived: " + got}
	}
	kept, err := readArchive(t.Context(), tr.World.Kit, &run)
	if err != nil {
		return []string{"the archive does not give the run: " + err.Error()}
	}
	if got, want := kept.Labels[vocab.LabelResult], run.Labels[vocab.LabelResult]; got != want || want != string(vocab.ShownProven) {
		return []string{fmt.Sprintf("the archive says %q of the run, its label is %q", got, want)}
	}
	return nil
}

func readArchive(ctx context.Context, k *kit.Kit, run *wfv1.Workflow) (*wfv1.Workflow, error) {
	ui, err := argoui.Find(ctx, k.Client)
	if err != nil {
		return nil, err
	}
	return ui.Archived(ctx, run.Namespace, string(run.UID))
}
