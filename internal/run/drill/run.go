// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Exit codes of both steps of a drill. The WorkflowTemplate starts a pod again for any
// other one than the first two.
const (
	// ExitStop means that another pod cannot help.
	ExitStop = 20
	// ExitGaveUp means that all attempts of this pod are used up.
	ExitGaveUp = 30
	// ExitStopped means that the pod received SIGTERM, or that a process in it was killed.
	ExitStopped = 40
)

// UnknownMessage is that of a drill that was killed.
const UnknownMessage = "the drill ended before it could say how"

// Env is what a restore works with.
type Env struct {
	Clock clock.WithDelayedExecution
	// Log is the log of the container.
	Log io.Writer
	// Environ are the variables of the container.
	Environ []string
}

// Options of a restore.
type Options struct {
	// Plan is the output of step plan.
	Plan string
	// Mount is where the volume for the database is mounted. Socket is the directory for
	// the socket of PostgreSQL.
	Mount, Socket string
	// Outputs is the directory in which Argo reads the output parameters.
	Outputs Outputs
	// Last means that the drill is not made once more.
	Last bool
	// Poll is the wait between two questions whether recovery has ended.
	Poll time.Duration
	// TerminationLog is where Kubernetes reads the message of the container.
	TerminationLog string
}

// failed is a Diagnosis on its way to the report.
type failed struct{ Diagnosis }

func (f *failed) Error() string { return f.Message }

// restore is one restore of one drill.
type restore struct {
	Env
	Options

	clock    attempt.Clock
	programs programs
	plan     Plan
	scratch  scratch
	report   report.Report

	// What the phases have found so far.
	control   controlData
	db        connection
	server    *server
	reached   Reached
	databases []database
}

// Run restores what the plan says, checks it, removes it, and returns the exit code of the
// container. Whatever happens is in the report, in the termination message and in the log.
func Run(ctx context.Context, env Env, options Options) int {
	r := &restore{Env: env, Options: options, clock: attempt.Clock{WithDelayedExecution: env.Clock}, programs: newPrograms(env.Environ)}
	var err error
	if r.plan, err = Decode(options.Plan); err != nil {
		r.report = report.Report{Kind: vocab.RunDrill}
		return r.leave(ExitStop, stanzaflowv1alpha1.RunFailed, err.Error()+"; the WorkflowTemplate and the image are of different releases")
	}
	r.report = r.plan.Report
	r.scratch = scratch{mount: options.Mount, data: r.plan.Config.DataPath, socket: options.Socket}
	r.report.Result, r.report.Message = stanzaflowv1alpha1.RunUnknown, UnknownMessage
	r.report.Drill.ProvisionSeconds = max(0, r.Clock.Since(r.plan.Made).Seconds())
	within, cancel := r.clock.Within(ctx, r.plan.Deadline.Sub(r.Clock.Now()), attempt.ErrOutOfTime)
	defer cancel()
	err = r.work(within)
	r.clean()
	return r.conclude(within, err)
}

// work does the phases in their order. Each is in the report before it begins, so that the
// report of a drill that is killed says how far it came.
func (r *restore) work(ctx context.Context) error {
	for _, phase := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"prepare", r.prepare},
		{"restore", r.restoreBackup},
		{"replay", r.replay},
		{"reached", r.checkReached},
		{"first-query", r.checkFirstQuery},
		{"checks", r.checkDatabases},
		{"checksums", r.checkPages},
	} {
		r.report.Step = phase.name
		if err := r.Outputs.Save(r.report, false); err != nil {
			return err
		}
		r.logf("%s", phase.name)
		if err := phase.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// clean stops PostgreSQL and removes the restored database. The volume goes with the pod;
// that of a StorageClass that retains its volumes must not keep the data.
func (r *restore) clean() {
	r.server.stop(r.clock)
	for _, dir := range []string{r.scratch.data, r.scratch.tablespaces(), r.scratch.drill(), r.scratch.socket} {
		if err := os.RemoveAll(dir); err != nil {
			r.logf("cannot remove the restored database: %v", err)
		}
	}
}

// conclude decides how the drill ended.
func (r *restore) conclude(ctx context.Context, err error) int {
	var f *failed
	switch {
	case err == nil:
		return r.concludeChecks()
	case errors.Is(context.Cause(ctx), attempt.ErrOutOfTime):
		return r.leave(ExitStop, stanzaflowv1alpha1.RunFailed, fmt.Sprintf("the drill was over its limit in phase %s: %v; see why it took so long, or raise the parameter limit", r.report.Step, err))
	case ctx.Err() != nil:
		return r.leave(ExitStopped, stanzaflowv1alpha1.RunUnknown, fmt.Sprintf("the drill was stopped in phase %s", r.report.Step))
	case !errors.As(err, &f):
		return r.leave(ExitStop, stanzaflowv1alpha1.RunFailed, err.Error())
	}
	r.report.Code, r.report.Drill.DataMissing = f.Code, f.DataMissing
	switch {
	case f.Class == ClassLost:
		return r.leave(ExitStopped, stanzaflowv1alpha1.RunUnknown, f.Message)
	case f.Class == ClassAgain && !r.Last:
		r.report.Result, r.report.Message = stanzaflowv1alpha1.RunUnknown, report.OneLine(f.Message+"; the drill is made once more")
		if err := r.Outputs.Save(r.report, true); err != nil {
			return r.leave(ExitStop, stanzaflowv1alpha1.RunFailed, err.Error())
		}
		r.logf("%s", r.report.Message)
		return 0
	}
	return r.leave(ExitStop, stanzaflowv1alpha1.RunFailed, f.Message)
}

// concludeChecks succeeds only if every check has passed.
func (r *restore) concludeChecks() int {
	for _, c := range r.report.Drill.Checks {
		if !c.Passed {
			return r.leave(ExitStop, stanzaflowv1alpha1.RunFailed, c.Name+": "+c.Message)
		}
	}
	return r.leave(0, stanzaflowv1alpha1.RunSucceeded, "")
}

// leave puts the end of the drill where people look for it, and returns the exit code.
func (r *restore) leave(exit int, result stanzaflowv1alpha1.RunResult, message string) int {
	r.report.Result, r.report.Message = result, report.OneLine(message)
	if err := r.Outputs.Save(r.report, false); err != nil {
		r.logf("%v", err)
		exit = ExitStop
	}
	r.logf("%s %s", result, r.report.Message)
	if err := os.WriteFile(r.TerminationLog, []byte(string(result)+": "+r.report.Message), 0o600); err != nil {
		r.logf("cannot write the termination message: %v", err)
	}
	return exit
}

func (r *restore) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.Log, "%s %s\n", r.Clock.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}
