// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const stepExpire = "expire"

// runChain goes from a run to its exit code and the runbook.
func (e *Explanation) runChain(f Facts, run *stanzaflowv1alpha1.RunStatus) []Link {
	if run == nil {
		return nil
	}
	text := fmt.Sprintf("%s: %s", run.Workflow, run.Result)
	if run.FinishTime != nil {
		text += " " + ago(run.FinishTime.Time, f.Now)
	}
	if run.FinishTime != nil && run.StartTime != nil {
		text += ", after " + short(run.FinishTime.Sub(run.StartTime.Time))
	}
	if run.Trigger != "" {
		text += ", started by " + run.Trigger
	}
	chain := []Link{{"Workflow", text}}
	found := f.workflow(run.Workflow)
	if found == nil {
		chain = append(chain, Link{"step", "not known: the Workflow is gone or could not be read"})
		if run.Message != "" {
			chain = append(chain, Link{"message", run.Message})
		}
		return append(chain, readMore(pageOf(run, "", codeIn(run.Message))))
	}
	e.next("kubectl stanzaflow logs %s -n %s", run.Workflow, f.Namespace)
	said, err := outcome.ReportOf(found)
	if err != nil {
		said = report.Report{}
	}
	step, code := said.Step, said.Code
	if run.Result == stanzaflowv1alpha1.RunSucceeded && said.Retention != nil && said.Retention.Failed {
		step, code = stepExpire, said.Retention.Code
	}
	if step != "" {
		chain = append(chain, Link{"step", stepText(step, said)})
	}
	if code != 0 {
		diagnosis := failure.Diagnose(code, "")
		chain = append(chain, Link{"exit code", fmt.Sprintf("%d, %s of pgBackRest: %s", code, diagnosis.Name, diagnosis.Advice)})
	}
	if run.Message != "" {
		chain = append(chain, Link{"message", run.Message})
	}
	if found.Spec.Shutdown != "" {
		return append(chain, readMore(pageEnded))
	}
	return append(chain, readMore(pageOf(run, step, code)))
}

// stepText says how often and how long a step tried.
func stepText(step string, said report.Report) string {
	for _, s := range said.Steps {
		if s.Name == step && s.Attempts > 1 {
			return fmt.Sprintf("%s, after %d attempts in %s", step, s.Attempts, short(time.Duration(s.Seconds*float64(time.Second))))
		}
	}
	return step
}

// codeInMessage matches the exit code of pgBackRest in a message of ours.
var codeInMessage = regexp.MustCompile(`\[([0-9]{3})\] `)

// codeIn returns that code, 0 without one.
func codeIn(message string) int {
	match := codeInMessage.FindStringSubmatch(message)
	if match == nil {
		return 0
	}
	code, _ := strconv.Atoi(match[1]) // Three digits are a number.
	return code
}

func pageOf(run *stanzaflowv1alpha1.RunStatus, step string, code int) string {
	switch {
	case run.Result == stanzaflowv1alpha1.RunHeld:
		return pageHeld
	case step != "" || code != 0:
		return failure.Runbook(step, code)
	case run.Retention == vocab.RetentionFailed:
		return failure.Runbook(stepExpire, 0)
	}
	return pageNoMessage
}
