// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"os"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Exit codes of a step. Argo and the kernel own 64, 125 to 128, 137 and 143.
// The WorkflowTemplate starts a pod again for any code but the first two; in the form
// dag for any but the first.
const (
	// ExitStop means that another attempt cannot help.
	ExitStop = 20
	// ExitGaveUp means that all attempts of this pod are used up.
	ExitGaveUp = 30
	// ExitStopped means that the pod received SIGTERM, as when its node is
	// drained. Another pod finds the backup where it is and continues.
	ExitStopped = 40
)

// concludeDone concludes a step that did its work. If the run was cancelled meanwhile, no
// other step says what became of the backup. A proof stands, but Argo may call the run
// Failed and publish nothing of it.
func (s *step) concludeDone(ctx context.Context) int {
	if ctx.Err() == nil {
		return 0
	}
	by, _ := s.findCanceller(ctx)
	switch {
	case by == "":
	case s.report.Result != stanzaflowv1alpha1.RunSucceeded:
		return s.end(ctx, s.cancelledText(by), "", 0)
	case s.report.Backup != nil:
		s.recordEnding(ctx, vocab.EventBackupProven,
			fmt.Sprintf("%s: its backup %s in %s was proven before that", s.cancelledText(by), s.report.Backup.Label, s.Backup.Repo))
	}
	return 0
}

// conclude ends a step that did not do its work.
func (s *step) conclude(ctx context.Context, f *attempt.Failure) int {
	switch {
	case f.Stop:
	case ctx.Err() != nil:
		return s.concludeStopped(ctx, f)
	case f.Late:
		return s.end(ctx, fmt.Sprintf(vocab.OverLimit+"%s: %s", s.Limit, f.Message),
			"; see why it took so long, or raise the parameter limit", f.Code)
	}
	return s.fail(f)
}

// fail puts a Failure where people look for it.
func (s *step) fail(f *attempt.Failure) int {
	code, result := ExitStop, stanzaflowv1alpha1.RunFailed
	switch {
	case f.Held:
		result = stanzaflowv1alpha1.RunHeld
	case f.Stopped:
		code = ExitStopped
	case !f.Stop:
		code = ExitGaveUp
	}
	message := f.Message
	if count := s.countAttempts(); count > 1 {
		message = fmt.Sprintf("%s (%d attempts)", message, count)
	}
	if s.Form == vocab.FormDAG && s.name == stepExpire {
		return s.failRetention(code, message, f.Code)
	}
	return s.leave(code, result, message, f.Code)
}

// leave puts the end of a step where people look for it, and returns exit.
func (s *step) leave(exit int, result stanzaflowv1alpha1.RunResult, message string, code int) int {
	s.report.Step, s.report.Result, s.report.Message, s.report.Code = s.name, result, report.OneLine(message), code
	s.report.Backup, s.report.Predeploy, s.report.Stanza = nil, nil, nil
	if err := s.Workspace.saveReport(s.report); err != nil {
		s.logf("%v", err)
	}
	s.logf("%s: %s: %s", s.name, result, s.report.Message)
	s.leaveMessage(string(result), s.report.Message, code)
	return exit
}

// leaveMessage leaves the message of the container. Kubernetes made the file; without it
// nobody would read it.
func (s *step) leaveMessage(result, message string, code int) {
	text := fmt.Sprintf("%s: %s\nrunbook: %s", result, message, failure.Runbook(s.name, code))
	if err := os.WriteFile(s.TerminationLog, []byte(text), 0o600); err != nil {
		s.logf("cannot write the termination message: %v", err)
	}
}
