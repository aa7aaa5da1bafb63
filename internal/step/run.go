// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/report"
)

// Options of a run. The WorkflowTemplate passes them to begin, which leaves
// them in the workspace for the other steps.
type Options struct {
	// Namespace, Cluster, Repo, Type and Trigger are the run's.
	Namespace, Cluster, Repo, Type, Trigger string
	// Run is the UID of the Workflow. The backup carries it as annotation.
	Run string
	// Attempts is how often each step tries, Backoff the wait before its second
	// attempt. It doubles up to five minutes.
	Attempts int
	Backoff  time.Duration
}

// Env is what a step works with.
type Env struct {
	Finder   Finder
	Executor Executor
	Clock    clock.Clock
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
	if name != Names[0] {
		if err := s.resume(); err != nil {
			return s.fail(name, asFailure(err))
		}
	}
	s.report.Step = name
	started := s.Clock.Now()
	s.retries = s.backOff(ctx)
	var last error
	err := backoff.RetryNotify(func() error {
		s.attempt++
		last = work(ctx)
		return last
	}, s.retries, func(err error, wait time.Duration) {
		s.logf("attempt %d of %d failed, next in %s: %s", s.attempt, s.Attempts, wait.Round(time.Second), err)
	})
	s.report.Steps = append(
		slices.DeleteFunc(s.report.Steps, func(e report.Step) bool { return e.Name == name }),
		report.Step{Name: name, Start: started.UTC(), Attempts: s.attempt, Seconds: s.Clock.Since(started).Seconds()},
	)
	if err != nil {
		// Of a step that is stopped, err only says that it was.
		failure := asFailure(last)
		if ctx.Err() != nil && !failure.Stop {
			failure = &Failure{Message: "the step was stopped before it ended: " + failure.Message, Code: failure.Code, Stopped: true}
		}
		return s.fail(name, failure)
	}
	if err := s.Workspace.saveReport(s.report); err != nil {
		return s.fail(name, asFailure(err))
	}
	return 0
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
	s.report.Step, s.report.Result, s.report.Message, s.report.Code = name, result, report.OneLine(message), f.Code
	s.report.Backup = nil
	if err := s.Workspace.saveReport(s.report); err != nil {
		s.logf("%v", err)
	}
	s.logf("%s: %s: %s", name, result, s.report.Message)
	// Kubernetes made the file; without it there is nobody to read it.
	if err := os.WriteFile(s.TerminationLog, []byte(string(result)+": "+s.report.Message), 0o600); err != nil {
		s.logf("cannot write the termination message: %v", err)
	}
	return code
}

func (s *step) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Log, "%s %s\n", s.Clock.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}

// sleep waits, or until the step is stopped.
func (s *step) sleep(ctx context.Context, d time.Duration) error {
	timer := s.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
