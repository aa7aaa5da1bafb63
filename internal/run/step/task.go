// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// prepareTask is prepare for a step that is a task of a DAG. Its options come from its
// parameters. Argo has put the report of the task before and the facts of precheck into
// its workspace, unless it is the first.
//
// The report says Unknown again at once, and is published if the pod is killed: what
// failed in an attempt before, or in an expire, is not how the run ends.
func (s *step) prepareTask(ctx context.Context) error {
	if s.mistake != nil {
		return attempt.Stop("%v", s.mistake)
	}
	steps := s.steps()
	if !slices.Contains(steps, s.name) {
		return attempt.Stop("the form %s of a run has no step %s: its steps are %s", s.Form, s.name, strings.Join(steps, ", "))
	}
	if s.name == steps[0] {
		s.logf("%s of postgresql %s/%s, run %s", s.purpose(), s.Namespace, s.Cluster, s.Run)
	} else if err := s.resumeReport(); err != nil {
		return err
	}
	begun := s.newReport()
	begun.Step, begun.Steps, begun.Retention = s.name, s.report.Steps, s.report.Retention
	begun.CertificateEnd, begun.Heartbeat = s.report.CertificateEnd, s.report.Heartbeat
	if s.name == stepVerify && begun.Retention == nil {
		begun.Retention = &report.Retention{Failed: true, Message: "step expire has not said how it ended: its pod was lost"}
	}
	s.report = begun
	if err := s.Workspace.saveReport(s.report); err != nil {
		return err
	}
	return s.limitFromStart(ctx)
}

// noteDone has the outputs of a task that did its work, and is not the last one, say so:
// nothing has gone wrong, and nothing is proven yet.
func (s *step) noteDone() {
	if s.Form == vocab.FormDAG && s.report.Result == stanzaflowv1alpha1.RunUnknown {
		s.report.Message = fmt.Sprintf("step %s is done, and nothing is proven yet", s.name)
	}
}

// failRetention ends an expire that did not do its work, in the form dag: its node is
// red, and the run continues with verify, which says how it ends.
func (s *step) failRetention(exit int, message string, code int) int {
	s.report.Result, s.report.Message, s.report.Code = stanzaflowv1alpha1.RunUnknown, unknownMessage, 0
	s.report.Retention = &report.Retention{Failed: true, Code: code, Message: report.OneLine(message)}
	if err := s.Workspace.saveReport(s.report); err != nil {
		s.logf("%v", err)
	}
	s.logf("RETENTION FAILED, the backup is not affected: %s", s.report.Retention.Message)
	s.leaveMessage("Retention failed", s.report.Retention.Message, code)
	return exit
}
