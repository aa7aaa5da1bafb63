// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"cmp"
	"fmt"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Verdict is how a run ended, for the person who waits for it.
type Verdict struct {
	// Result is Succeeded only if the run has proven what its kind proves.
	Result stanzaflowv1alpha1.RunResult
	// Text are the lines about it.
	Text []string
	// Warning is about a run that has succeeded and left something to do.
	Warning string
}

// Sections of the runbook that are not about a step.
const (
	runbookHeld      = "docs/runbook.md#held"
	runbookEnded     = "docs/runbook.md#a-run-that-was-ended"
	runbookNoMessage = "docs/runbook.md#the-run-left-no-message-of-its-own"
	stepExpire       = "expire"
)

// Judge returns the verdict about a run of a kind that is over.
func Judge(workflow *wfv1.Workflow, kind vocab.RunKind, now time.Time) Verdict {
	run := outcome.Read(workflow, now)
	said, err := outcome.ReportOf(workflow)
	switch {
	case kind == vocab.RunDrill:
		return judgeDrill(workflow, run, said)
	case run.Status.Result != stanzaflowv1alpha1.RunSucceeded:
		return failed(workflow, kind, run.Status, said)
	case err != nil, said.Backup == nil:
		run.Status.Result, run.Status.Message = stanzaflowv1alpha1.RunUnknown, fmt.Sprintf("the run has no report that can be read: %v", err)
	case said.Kind != kind:
		run.Status.Result, run.Status.Message = stanzaflowv1alpha1.RunUnknown, fmt.Sprintf("the run was a %s", said.Kind)
	case kind == vocab.RunPredeploy && said.Predeploy == nil:
		run.Status.Result, run.Status.Message = stanzaflowv1alpha1.RunUnknown, "the run names no restore point"
	case kind == vocab.RunPredeploy && run.Status.Retention == vocab.RetentionFailed:
		// The template should have failed the run: a repo that cannot be written is no
		// ground to deploy on.
		run.Status.Result, run.Status.Message = stanzaflowv1alpha1.RunFailed, fmt.Sprintf("the retention of %s cannot be applied: %s", said.Repo, said.Retention.Message)
		said.Result, said.Step, said.Code = stanzaflowv1alpha1.RunFailed, stepExpire, said.Retention.Code
	case kind == vocab.RunPredeploy:
		return Verdict{Result: run.Status.Result, Text: restorable(workflow, said)}
	default:
		return proven(workflow, said)
	}
	return failed(workflow, kind, run.Status, said)
}

// failed is about a run that has not proven anything.
func failed(workflow *wfv1.Workflow, kind vocab.RunKind, status stanzaflowv1alpha1.RunStatus, said report.Report) Verdict {
	if status.Result != stanzaflowv1alpha1.RunFailed || said.Result != stanzaflowv1alpha1.RunFailed {
		said.Step, said.Code = "", 0
	}
	word := string(status.Result)
	if said.Step != "" {
		word += " in step " + said.Step
	}
	return Verdict{Result: status.Result, Text: []string{
		fmt.Sprintf("%s%s: %s", word, consequence(kind, status.Result), cmp.Or(status.Message, "the run does not say why")),
		"Runbook: " + runbook(workflow, status, said),
	}}
}

// consequence says what a run of a kind that has proven nothing means. The message of an
// unknown one says it.
func consequence(kind vocab.RunKind, result stanzaflowv1alpha1.RunResult) string {
	switch {
	case kind == vocab.RunPredeploy:
		return ", do not deploy"
	case result == stanzaflowv1alpha1.RunHeld:
		return ", no backup was made"
	case result == stanzaflowv1alpha1.RunFailed:
		return ", no backup is proven"
	}
	return ""
}

func runbook(workflow *wfv1.Workflow, status stanzaflowv1alpha1.RunStatus, said report.Report) string {
	switch {
	case status.Result == stanzaflowv1alpha1.RunHeld:
		return runbookHeld
	case workflow.Spec.Shutdown != "":
		return runbookEnded
	case said.Step != "":
		return failure.Runbook(said.Step, said.Code)
	}
	return runbookNoMessage
}

// proven is about a backup that the run has made.
func proven(workflow *wfv1.Workflow, said report.Report) Verdict {
	b := said.Backup
	asked := ""
	if b.Type != said.Type {
		asked = fmt.Sprintf(" (an %s was asked for, and there was nothing to build it on)", said.Type)
	}
	files := "every file is there with its size"
	if b.Verified == stanzaflowv1alpha1.VerifiedContents {
		files = "every file was read back"
	}
	v := Verdict{Result: stanzaflowv1alpha1.RunSucceeded, Text: []string{
		fmt.Sprintf("Proven: %s backup %s of postgresql %s/%s in %s%s: a database of %s, %s added to the repo, made in %s.",
			b.Type, b.Label, workflow.Namespace, said.Cluster, said.Repo, asked, report.FormatBytes(b.DatabaseBytes), report.FormatBytes(b.RepoDeltaBytes), b.Stop.Sub(b.Start)),
		fmt.Sprintf("WAL %s to %s is archived, and %s.", b.WALStart, b.WALStop, files),
	}}
	if said.Retention != nil && said.Retention.Failed {
		v.Warning = fmt.Sprintf("the backup is good, but expire failed: %s. Runbook: %s", said.Retention.Message, failure.Runbook(stepExpire, said.Retention.Code))
	}
	return v
}

// restorable is about the moment before a deploy.
func restorable(workflow *wfv1.Workflow, said report.Report) []string {
	p, made := said.Predeploy, "made by this run"
	if p.Reused {
		made = "made by an earlier run, and still whole"
	}
	return []string{
		fmt.Sprintf("Proven: postgresql %s/%s can be restored to the moment before this deploy.", workflow.Namespace, said.Cluster),
		"  backup         " + said.Backup.Label + " in " + said.Repo + ", " + made,
		"  restore point  " + p.RestorePoint,
		"  time           " + p.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		"  LSN            " + p.LSN,
		fmt.Sprintf("  timeline       %d", p.Timeline),
		"  restore        " + p.Restore,
	}
}
