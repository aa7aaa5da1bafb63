// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// eventFaults are sources of events that do not do what they should.
var eventFaults = []trial.Fault{
	{Name: "event-twice", What: "an event source sends a deploy twice", Moments: trial.Anytime, Inject: sendTwice, Judge: judgeTwice},
}

// freshFor is the age up to which a backup will do for a deploy. It is short enough that
// the backup before the trial seldom does, and long enough for the second of two events,
// which waits for the first.
const freshFor = "max-age=90s"

// sendTwice starts the same pre-deploy run twice, as a webhook does whose first answer was
// lost. The seed says how much later the second one comes.
func sendTwice(t *testing.T, tr *trial.Trial) func() {
	t.Helper()
	for i := range 2 {
		if i > 0 {
			<-time.After(time.Duration(tr.RNG.Int64N(int64(3 * time.Second))))
		}
		wait.Retry(t, "the event is sent", func() error {
			name, err := tr.World.Kit.TrySubmitPredeploy(t.Context(), "cluster=cluster", "repo=repo1", "type=incr", freshFor, "restore-point=twice", "backoff=3s")
			if err == nil {
				tr.Events = append(tr.Events, name)
			}
			return err
		})
	}
	return nil
}

// judgeTwice checks that both events passed, with at most one backup for both, and that
// the Stanza shows what they were.
func judgeTwice(t *testing.T, tr *trial.Trial) (wrong []string) {
	t.Helper()
	backups, points, made := tr.World.Kit.Backups(t, tr.World.Primary), map[string]string{}, 0
	for _, name := range tr.Events {
		workflow := tr.AwaitEvent(t, name)
		if workflow == nil {
			return append(wrong, "pre-deploy run "+name+" never ended")
		}
		if workflow.Status.Phase != wfv1.WorkflowSucceeded {
			return append(wrong, "pre-deploy run "+name+" did not succeed: "+kit.DescribeRun(workflow))
		}
		points[kit.Output(workflow, vocab.OutputRestorePoint)] = name
		backups = tr.World.Kit.Backups(t, tr.World.Primary)
		made += len(kit.OfRun(backups, workflow))
	}
	if made > 1 {
		wrong = append(wrong, fmt.Sprintf("one event that was sent twice made %d backups", made))
	}
	if len(points) != len(tr.Events) || points[""] != "" {
		wrong = append(wrong, fmt.Sprintf("two runs have the restore points %v", points))
	}
	return append(wrong, judgeStatus(t, tr, points, kit.Labels(backups, ""))...)
}

// judgeStatus compares the Stanza with what there is: the last pre-deploy run with the
// restore points, the last backup with what is in the repository.
func judgeStatus(t *testing.T, tr *trial.Trial, points map[string]string, labels []string) (wrong []string) {
	t.Helper()
	told, got := wait.Try(time.Minute, func() (bool, string) {
		stanza := &stanzaflowv1alpha1.Stanza{}
		if err := tr.World.Kit.TryGet(t.Context(), "cluster", stanza); err != nil {
			return false, err.Error()
		}
		last, backup := stanza.Status.LastPredeploy, stanza.Status.LastBackup
		if last == nil || backup == nil {
			return false, fmt.Sprintf("%+v %+v", last, backup)
		}
		truth := last.Result == stanzaflowv1alpha1.RunSucceeded && points[last.RestorePoint] == last.Workflow
		for _, label := range labels {
			if truth && label == backup.Label && label >= last.Label {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%+v %+v; backups %v", last, backup, labels)
	})
	if !told {
		wrong = append(wrong, "the Stanza does not say what the events did: "+got)
	}
	return wrong
}
