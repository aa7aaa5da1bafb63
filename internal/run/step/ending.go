// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Times that an ending may take. The pod is killed 60 s after SIGTERM,
// terminationGracePeriodSeconds of the template. All this takes 3 s if nothing is slow, and
// 55 s at most: in the form compact a step that is just done asks, and the next one again.
const (
	askTime   = 10 * time.Second
	endTime   = 30 * time.Second
	eventTime = 5 * time.Second
)

// ending is what became of the backup of such a run.
type ending struct{ reason, text string }

// concludeStopped concludes a step that received SIGTERM, which a drained node and argo stop
// send alike. After the first another pod continues; after the second there is none,
// so the backup is ended here.
func (s *step) concludeStopped(ctx context.Context, f *attempt.Failure) int {
	by, err := s.findCanceller(ctx)
	switch {
	case by != "":
		return s.end(ctx, s.cancelledText(by), "", f.Code)
	case err != nil:
		f.Message += fmt.Sprintf("; whether the run was cancelled is not known: %v", err)
	}
	return s.fail(&attempt.Failure{Message: "the step was stopped before it ended: " + f.Message, Code: f.Code, Stopped: true})
}

func (s *step) cancelledText(by string) string {
	return fmt.Sprintf("the run was ended in step %s: %s", s.name, by)
}

// findCanceller asks who ended the run. The API server may be the reason why the pod has
// to go.
func (s *step) findCanceller(ctx context.Context) (by string, err error) {
	err = s.insist(context.WithoutCancel(ctx), func(ctx context.Context) (err error) {
		by, err = s.Workflows.Cancelled(ctx, s.Namespace, s.Workflow, s.Run)
		return err
	})
	return by, err
}

// end concludes a run that is over before its time and will not continue. Argo
// publishes no report of a cancelled run, so there is an event too.
func (s *step) end(ctx context.Context, why, advice string, code int) int {
	ctx = context.WithoutCancel(ctx)
	became := ending{vocab.EventNoBackup, "this run makes no backup"}
	if s.Kind == vocab.RunBackup || s.Kind == vocab.RunPredeploy && !s.Predeploy.OnlyReuse {
		s.logf("%s; looking for its backup", why)
		became = s.endBackup(ctx)
	}
	exit := s.leave(ExitStop, stanzaflowv1alpha1.RunFailed, why+": "+became.text+advice, code)
	s.recordEnding(ctx, became.reason, s.report.Message)
	return exit
}

// recordEnding leaves the event that says what became of the backup.
func (s *step) recordEnding(ctx context.Context, reason, message string) {
	ctx, cancel := s.clock.Within(context.WithoutCancel(ctx), eventTime, attempt.ErrNoAnswer)
	defer cancel()
	if err := s.Workflows.RecordEvent(ctx, s.Namespace, s.Workflow, s.Run, reason, message); err != nil {
		s.logf("cannot leave an event at the Workflow: %v", err)
	}
}
