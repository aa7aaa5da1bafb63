// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// Options of a run. The WorkflowTemplate passes them to begin, which leaves
// them in the workspace for the other steps.
type Options struct {
	// Namespace, Cluster, Repo, Type and Trigger are the run's.
	Namespace, Cluster, Repo, Type, Trigger string
	// Workflow is the name of the Workflow, Run its UID. The backup carries the
	// UID as annotation.
	Workflow, Run string
	// Deadline is when the run must be over. A step that is not done by then ends
	// as failed, and ends the backup that it started.
	// Zero means none. Limit is how long that is after its Workflow was created.
	Deadline time.Time
	Limit    time.Duration
	// VerifyBytes is up to how much a backup and those that it builds on may have
	// in the repo for verify to read it back whole.
	VerifyBytes int64
	// Attempts is how often each step tries, Backoff the wait before its second
	// attempt. It doubles up to five minutes.
	Attempts int
	Backoff  time.Duration
}

// Env is what a step works with.
type Env struct {
	Finder   remote.Finder
	Executor remote.Executor
	Clock    clock.WithDelayedExecution
	// Log is the log of the container.
	Log io.Writer
	// Workspace is shared by the steps of the pod.
	Workspace Workspace
	// Poll is the wait between two looks at a backup that is running.
	Poll time.Duration
	// TerminationLog is where Kubernetes reads the message of the container.
	TerminationLog string
	// ProgressFile is where Argo reads the progress, empty for none.
	ProgressFile string
}

// Names of the steps in their order.
var Names = []string{"begin", "precheck", "backup", "expire", "verify"}

// maxBackoff bounds the wait between two attempts.
const maxBackoff = 5 * time.Minute

// step is one step of one run.
type step struct {
	Env
	Options
	report report.Report
	// attempt counts from 1, retries knows how many are left.
	attempt int
	retries backoff.BackOff
	// told is when the log last said what the step waits for.
	told time.Time
}

// Run does the step of that name and returns the exit code of the container.
// Whatever happens is in the report, in the termination message and in the log.
//
// The options are those of begin; the other steps take what begin left.
func Run(ctx context.Context, name string, env Env, options Options) int {
	s := &step{Env: env, Options: options}
	work, ok := map[string]func(context.Context) error{
		"begin": s.begin, "precheck": s.precheck, "backup": s.backup, "expire": s.expire, "verify": s.verify,
	}[name]
	if !ok {
		return s.fail(name, &Failure{Message: fmt.Sprintf("there is no step %q", name), Stop: true})
	}
	s.report = s.newReport()
	if name != Names[0] {
		if err := s.resume(); err != nil {
			return s.fail(name, asFailure(err))
		}
	}
	s.report.Step = name
	started := s.Clock.Now()
	err := s.try(ctx, work)
	s.report.Steps = append(
		slices.DeleteFunc(s.report.Steps, func(e report.Step) bool { return e.Name == name }),
		report.Step{Name: name, Start: started.UTC(), Attempts: s.attempt, Seconds: s.Clock.Since(started).Seconds()},
	)
	if err == nil {
		if err = s.Workspace.saveReport(s.report); err == nil {
			return s.done(ctx, name)
		}
	}
	failure := asFailure(err)
	switch {
	case failure.Stop:
	case ctx.Err() != nil:
		return s.stopped(ctx, name, failure)
	case failure.Late:
		return s.end(ctx, name, fmt.Sprintf("the run was not over within its limit of %s, %s", s.Limit, failure.Message),
			"; see why it took so long, or raise the parameter limit", failure.Code)
	}
	return s.fail(name, failure)
}

// done concludes a step that did its work. After one that was stopped meanwhile,
// because the run was cancelled, no other step says what became of the backup.
func (s *step) done(ctx context.Context, name string) int {
	if ctx.Err() == nil || s.report.Result == stanzaflowv1alpha1.RunSucceeded {
		return 0
	}
	by, _ := s.cancelled(ctx)
	if by == "" {
		return 0
	}
	return s.end(ctx, name, cancelledText(name, by), "", 0)
}

// try does the work until it is done, all attempts are used up, or it is time to
// end.
func (s *step) try(ctx context.Context, work func(context.Context) error) error {
	ctx, cancel := s.inTime(ctx)
	defer cancel()
	if errors.Is(context.Cause(ctx), errOutOfTime) {
		return &Failure{Late: true, Message: fmt.Sprintf("step %s had not begun: it waited for another run of the cluster, or for a node", s.report.Step)}
	}
	s.retries = s.backOff(ctx)
	var last error
	err := backoff.RetryNotify(func() error {
		s.attempt++
		last = s.patiently(ctx, work)
		return last
	}, s.retries, func(err error, wait time.Duration) {
		s.logf("attempt %d of %d failed, next in %s: %s", s.attempt, s.Attempts, wait.Round(time.Second), err)
	})
	if err == nil {
		return nil
	}
	// Of a step that is stopped, err only says that it was.
	failure := *asFailure(last)
	failure.Late = errors.Is(context.Cause(ctx), errOutOfTime)
	return &failure
}

// resume takes over what the steps before left.
func (s *step) resume() (err error) {
	if s.Options, err = s.Workspace.options(); err != nil {
		return err
	}
	if s.report, err = s.Workspace.report(); err != nil {
		s.report = s.newReport()
	}
	return err
}

// newReport is that of a run that has proven nothing.
func (s *step) newReport() report.Report {
	return report.Report{
		Result: stanzaflowv1alpha1.RunUnknown, Step: Names[0], Message: "the run ended before it could say how",
		Run: s.Run, Cluster: s.Cluster, Repo: s.Repo, Type: s.Type, Trigger: s.Trigger,
	}
}

// backOff doubles without randomness: one run waits for one cluster, and a
// reader of the log can check the figures.
func (s *step) backOff(ctx context.Context) backoff.BackOff {
	exponential := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(s.Backoff), backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0),
		backoff.WithMaxInterval(maxBackoff), backoff.WithMaxElapsedTime(0),
	)
	retries := uint64(max(0, s.Attempts-1))
	return backoff.WithContext(backoff.WithMaxRetries(exponential, retries), ctx)
}

// startOver makes this attempt the first: attempts bound failures in a row, and
// something has gone well since the last one.
func (s *step) startOver() {
	s.attempt = 1
	s.retries.Reset()
}

// lastAttempt reports whether a failure now is the end of the step.
func (s *step) lastAttempt() bool { return s.attempt >= s.Attempts }

// fail puts a Failure where people look for it.
func (s *step) fail(name string, f *Failure) int {
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
	if s.attempt > 1 {
		message = fmt.Sprintf("%s (%d attempts)", message, s.attempt)
	}
	return s.leave(name, code, result, message, f.Code)
}

// leave puts the end of a step where people look for it, and returns exit.
func (s *step) leave(name string, exit int, result stanzaflowv1alpha1.RunResult, message string, code int) int {
	s.report.Step, s.report.Result, s.report.Message, s.report.Code = name, result, report.OneLine(message), code
	s.report.Backup = nil
	if err := s.Workspace.saveReport(s.report); err != nil {
		s.logf("%v", err)
	}
	s.logf("%s: %s: %s", name, result, s.report.Message)
	// Kubernetes made the file; without it there is nobody to read it.
	text := fmt.Sprintf("%s: %s\nrunbook: %s", result, s.report.Message, failure.Runbook(name, code))
	if err := os.WriteFile(s.TerminationLog, []byte(text), 0o600); err != nil {
		s.logf("cannot write the termination message: %v", err)
	}
	return exit
}

func (s *step) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Log, "%s %s\n", s.Clock.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}
