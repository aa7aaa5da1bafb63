// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Exit codes of a command that starts a run.
const (
	// ExitProven means that the run has proven what its kind proves, or, if it is not
	// followed, that it was submitted.
	ExitProven = 0
	// ExitFailed means that nothing is proven: the run was refused, has failed, or
	// nobody knows how it ended.
	ExitFailed = 1
	// ExitUsage means that the command line is wrong. Nothing was started.
	ExitUsage = 2
	// ExitHeld means that the run was held: nothing can or may be done now.
	ExitHeld = 3
)

// Options say what to do with a request.
type Options struct {
	Request
	// Wait follows the run until it is over.
	Wait bool
	// Logs prints the logs of the run as well.
	Logs bool
	// Timeout is how long to wait, for a message; the context has it, too. Zero means
	// without end.
	Timeout time.Duration
}

// Session submits one run and follows it.
type Session struct {
	Finder    Finder
	Workflows Workflows
	Logs      Logs
	Clock     clock.Clock
	// Out gets what happens, Err what is wrong.
	Out, Err io.Writer
	// Suffix ends the name of the Workflow. No other run may have it.
	Suffix string
	// Pause is the wait before the API server is asked again.
	Pause time.Duration
}

// Run does what the options say, prints it, and returns the exit code.
func (s Session) Run(ctx context.Context, o Options) int {
	planned, err := s.plan(ctx, o.Request)
	for _, warning := range planned.warnings {
		s.say(s.Err, "Warning: %s", warning)
	}
	if err != nil {
		return s.refuse(err)
	}
	workflow, err := Submit(ctx, s.Workflows, s.Clock, s.Pause, planned.workflow)
	if err != nil {
		return s.refuse(err)
	}
	s.say(s.Out, "Workflow %s submitted in namespace %s: %s", workflow.Name, workflow.Namespace, planned.what)
	if !o.Wait {
		s.say(s.Out, "  follow  kubectl -n %s get workflow %s --watch", workflow.Namespace, workflow.Name)
		s.say(s.Out, "  result  kubectl -n %s get stanza %s", workflow.Namespace, o.Cluster)
		s.say(s.Out, "  stop    %s", stopCommand(workflow))
		return ExitProven
	}
	return s.follow(ctx, workflow, o)
}

// planned is a run that can be submitted, and what it is for.
type planned struct {
	workflow *wfv1.Workflow
	what     string
	warnings []string
}

// plan checks a request. The warnings count also beside an error.
func (s Session) plan(ctx context.Context, r Request) (planned, error) {
	if r.Kind == vocab.RunDrill {
		drill, err := CheckDrill(ctx, s.Finder, r)
		return planned{workflow: drill.Run.Workflow(r.Namespace, drill.Run.WorkflowName(s.Suffix)), what: drill.describe(), warnings: drill.Warnings}, err
	}
	checked, err := Check(ctx, s.Finder, r)
	return planned{workflow: checked.Run.Workflow(checked.Namespace, checked.Run.Name(s.Suffix), nil), what: checked.describe(), warnings: checked.Warnings}, err
}

func (s Session) follow(ctx context.Context, workflow *wfv1.Workflow, o Options) int {
	follower := Follower{Workflows: s.Workflows, Clock: s.Clock, Out: s.Out, Pause: s.Pause}
	if o.Logs {
		follower.Logs = s.Logs
	}
	last, err := follower.Follow(ctx, workflow)
	if err != nil {
		return s.refuse(fmt.Errorf("%s%s", blocked(o.Kind), unfinished(last, o.Timeout, err)))
	}
	verdict := Judge(last, cmp.Or(o.Kind, vocab.RunBackup), s.Clock.Now())
	text := strings.Join(verdict.Text, "\n")
	switch verdict.Result {
	case stanzaflowv1alpha1.RunSucceeded:
		s.say(s.Out, "%s", text)
		if verdict.Warning != "" {
			s.say(s.Err, "Warning: %s", verdict.Warning)
		}
		return ExitProven
	case stanzaflowv1alpha1.RunHeld:
		s.say(s.Err, "%s", text)
		return ExitHeld
	case stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunUnknown, stanzaflowv1alpha1.RunRunning:
	}
	s.say(s.Err, "%s", text)
	return ExitFailed
}

// blocked begins a message about a run of a kind that has proven nothing.
func blocked(kind vocab.RunKind) string {
	if kind == vocab.RunPredeploy {
		return "do not deploy: "
	}
	return ""
}

func (s Session) refuse(err error) int {
	s.say(s.Err, "error: %v", err)
	return ExitFailed
}

func (s Session) say(to io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(to, format+"\n", args...)
}
