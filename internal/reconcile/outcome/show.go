// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"fmt"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Shown is how Argo's lists show a run.
type Shown struct {
	// Result is the value of vocab.LabelResult.
	Result vocab.ShownResult
	// Description is the value of vocab.AnnotationDescription, in one line, with what
	// matters first: a list shows about 20 characters of it. Empty means none.
	Description string
}

// Show returns how a run is to be shown. What it proves is what Read says it proves. While
// a run works it has no description: one that is there is of the time before argo retry,
// or of the run that was resubmitted.
func Show(workflow *wfv1.Workflow) Shown {
	if Running(workflow) {
		if holder := WaitsFor(workflow); holder != "" {
			return Shown{vocab.ShownWaiting, describe("waits for " + holder)}
		}
		return Shown{Result: vocab.ShownRunning}
	}
	run := Read(workflow, workflow.Status.FinishedAt.Time)
	said, _ := ReportOf(workflow) // An empty one says nothing.
	switch run.Status.Result {
	case stanzaflowv1alpha1.RunSucceeded:
		return showSuccess(run, said)
	case stanzaflowv1alpha1.RunHeld:
		return Shown{vocab.ShownHeld, describe(run.Status.Message)}
	case stanzaflowv1alpha1.RunFailed:
		if ending(workflow) != "" || overLimit(said) {
			return Shown{vocab.ShownEnded, describe(run.Status.Message)}
		}
		return Shown{vocab.ShownFailed, describe(codeFirst(said.Code, run.Status.Message))}
	case stanzaflowv1alpha1.RunUnknown, stanzaflowv1alpha1.RunRunning:
	}
	return Shown{vocab.ShownUnknown, describe(run.Status.Message)}
}

// showSuccess is about a run that has proven what its kind proves.
func showSuccess(run Run, said report.Report) Shown {
	switch {
	case run.Kind == vocab.RunRestorePlan:
		return Shown{vocab.ShownDone, describe(run.Status.Message)}
	case run.Kind == vocab.RunStanza:
		return Shown{vocab.ShownDone, "stanza in every repo"}
	case run.Predeploy != nil:
		return Shown{vocab.ShownProven, describe(run.Predeploy.RestorePoint + ", " + run.Predeploy.Label)}
	case run.Tried != nil:
		return Shown{vocab.ShownProven, describe(showDrill(run.Tried))}
	case run.Backup == nil:
		return Shown{vocab.ShownUnknown, "the run names no backup"}
	}
	parts := []string{run.Backup.Label, report.FormatBytes(said.Backup.RepoDeltaBytes)}
	switch run.Backup.Verified {
	case stanzaflowv1alpha1.VerifiedContents:
		parts = append(parts, "read back")
	case stanzaflowv1alpha1.VerifiedFiles:
		parts = append(parts, "files compared")
	}
	if said.Retention != nil && said.Retention.Failed {
		parts = append(parts, "RetentionFailed: "+codeFirst(said.Retention.Code, said.Retention.Message))
	}
	return Shown{vocab.ShownProven, describe(strings.Join(parts, ", "))}
}

// showDrill says what a drill has restored, and how long that took.
func showDrill(d *report.Drill) string {
	took := time.Duration((d.RestoreSeconds + d.ReplaySeconds + d.FirstQuerySeconds) * float64(time.Second)).Round(time.Second)
	return d.Backup + ", restored in " + took.String() + ", " + report.FormatBytes(d.DatabaseBytes)
}

// overLimit reports whether a run has ended itself because it was out of time.
func overLimit(r report.Report) bool {
	return r.Result == stanzaflowv1alpha1.RunFailed && strings.Contains(r.Message, vocab.OverLimit)
}

// codeFirst begins a message with the exit code of pgBackRest, by which a DBA knows what
// it is about.
func codeFirst(code int, message string) string {
	if code == 0 {
		return message
	}
	text := fmt.Sprintf("[%03d] ", code)
	if before, after, found := strings.Cut(message, text); found {
		// "pgbackrest backup failed: [082] WAL segment …", or only the code.
		return text + after + because(before)
	}
	return text + message
}

// because is what stood before the code, in brackets behind it.
func because(before string) string {
	if before = strings.TrimRight(before, ": "); before == "" {
		return ""
	}
	return " (" + before + ")"
}

// describe makes a description of a text: one line, bounded, and nothing in it that Argo
// evaluates, nor a link or a picture in Markdown, as which Argo shows it.
func describe(text string) string {
	return report.OneLine(unmarked.Replace(text))
}

var unmarked = strings.NewReplacer("{{", "{ {", "](", "] (", "][", "] [")
