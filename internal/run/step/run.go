// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Env is what a step works with.
type Env struct {
	Finder    remote.Finder
	Workflows remote.Workflows
	Executor  remote.Executor
	Servers   remote.Servers
	Clock     clock.WithDelayedExecution
	// Log is the log of the container.
	Log io.Writer
	// Workspace is shared by the steps of the pod.
	Workspace Workspace
	// Poll is the wait between two looks at a backup that is running.
	Poll time.Duration
	// TerminationLog is where Kubernetes reads the message of the container.
	TerminationLog string
	// Requests is how many requests were sent to the API server so far. Nil if nobody counts.
	Requests func() int
	// ProgressFile is where Argo reads the progress, empty for none.
	ProgressFile string
	// Progress is the progress with which the pod began, such as 0/95.
	Progress string
}

const (
	stepBegin        = "begin"
	stepPrecheck     = "precheck"
	stepBackup       = "backup"
	stepExpire       = "expire"
	stepVerify       = "verify"
	stepRestorePoint = "restore-point"
)

// Names of the steps in their order.
var Names = []string{stepBegin, stepPrecheck, stepBackup, stepExpire, stepVerify, stepRestorePoint}

// stepsOf are the steps of each kind of run.
var stepsOf = map[vocab.RunKind][]string{
	vocab.RunBackup:    {stepBegin, stepPrecheck, stepBackup, stepExpire, stepVerify},
	vocab.RunPredeploy: Names,
	vocab.RunStanza:    {stepBegin, stepPrecheck},
}

// steps are those of the pod, or those of the DAG.
func (o Options) steps() []string {
	if o.Form == vocab.FormDAG {
		return stepsOf[o.Kind][1:] // Each step begins by itself.
	}
	if o.Predeploy.OnlyReuse {
		return []string{stepBegin, stepPrecheck, stepRestorePoint}
	}
	return stepsOf[o.Kind]
}

// step is one step of one run.
type step struct {
	Env
	Options
	name string
	// mistake is the first one in the parameters of begin.
	mistake  error
	clock    attempt.Clock
	cluster  *remote.Cluster
	attempts attempt.Series
	report   report.Report
	// lateSince is when verify first found WAL of the backup missing.
	lateSince time.Time
	// asked is how many requests were sent before the step.
	asked int
}

// RunAll does the steps of those names one after the other, as the containers of a pod do,
// and returns the exit code of the first that does not end with 0. That one has said why,
// and how the run ends.
func RunAll(ctx context.Context, names []string, env Env, parameters Parameters) int {
	for _, name := range names {
		if len(names) > 1 {
			env.logf("step %s", name)
		}
		if code := Run(ctx, name, env, parameters); code != 0 {
			return code
		}
	}
	return 0
}

// Run does the step of that name and returns the exit code of the container.
// Whatever happens is in the report, in the termination message and in the log.
//
// The parameters are those of begin; the other steps take what begin left. In the form
// dag each step has them.
func Run(ctx context.Context, name string, env Env, parameters Parameters) int {
	s := &step{Env: env, name: name, clock: attempt.Clock{WithDelayedExecution: env.Clock}}
	s.asked = s.countRequests()
	s.Options, s.mistake = parameters.options()
	work, ok := map[string]func(context.Context) error{
		stepBegin: s.begin, stepPrecheck: s.precheck, stepBackup: s.backup, stepExpire: s.expire, stepVerify: s.verify,
		stepRestorePoint: s.restorePoint,
	}[name]
	if !ok {
		return s.fail(&attempt.Failure{Message: fmt.Sprintf("there is no step %q", name), Stop: true})
	}
	s.report = s.newReport()
	if err := s.prepare(ctx); err != nil {
		return s.fail(attempt.Of(err))
	}
	s.report.Step = name
	s.attach()
	err := s.Workspace.saveReport(s.report) // A step that is killed cannot say any more which it was.
	if err == nil {
		err = s.try(ctx, work)
	}
	if err == nil {
		s.noteDone()
		if err = s.Workspace.saveReport(s.report); err == nil {
			return s.concludeDone(ctx)
		}
	}
	return s.conclude(ctx, attempt.Of(err))
}

// prepare gives the step its options, its deadline and the report of the steps before.
func (s *step) prepare(ctx context.Context) error {
	switch {
	case s.Form == vocab.FormDAG:
		return s.prepareTask(ctx)
	case s.name != stepBegin:
		return s.resume()
	case s.mistake == nil: // else begin says so
		return s.limitFromStart(ctx)
	}
	return nil
}

// try does the work in its attempts, and adds the step to the report.
func (s *step) try(ctx context.Context, work func(context.Context) error) error {
	started := s.Clock.Now()
	err := s.attempts.Do(ctx, func(ctx context.Context) error {
		defer s.cluster.Forget() // What nobody has used is old at the next attempt, and for the end of the run.
		return work(ctx)
	})
	s.report.Steps = append(
		slices.DeleteFunc(s.report.Steps, func(e report.Step) bool { return e.Name == s.name }),
		report.Step{
			Name: s.name, Start: started.UTC(), Attempts: s.countAttempts(), Seconds: s.Clock.Since(started).Seconds(),
			Requests: s.countRequests() - s.asked,
		},
	)
	if took := s.cluster.Took(); took != "" {
		s.logf("commands: %s", took)
	}
	return err
}

func (s *step) countRequests() int {
	if s.Requests == nil {
		return 0
	}
	return s.Requests()
}

// countAttempts counts those of the step, in this pod and in those before.
func (s *step) countAttempts() int { return s.Retries + s.attempts.Count() }

// resume takes over what the steps before left.
func (s *step) resume() (err error) {
	if s.Options, err = s.Workspace.options(); err != nil {
		return err
	}
	if steps := s.steps(); !slices.Contains(steps, s.name) {
		return attempt.Stop("a run of the kind %s has no step %s: its steps are %s", s.Kind, s.name, strings.Join(steps, ", "))
	}
	return s.resumeReport()
}

func (s *step) resumeReport() (err error) {
	if s.report, err = s.Workspace.report(); err != nil {
		s.report = s.newReport()
	}
	return err
}

// attach gives the step what depends on its options: the cluster, and the
// attempts.
func (s *step) attach() {
	s.cluster = &remote.Cluster{
		Finder: s.Finder, Executor: s.Executor, Servers: s.Servers, Clock: s.clock, Namespace: s.Namespace, Name: s.Cluster,
		Labels: s.labels(), Log: s.Log, Transcript: s.Workspace.path(fileLog), Logf: s.logf,
	}
	s.attempts = attempt.Series{
		Name: s.name, Clock: s.clock, Logf: s.logf, Attempts: s.Attempts, Backoff: s.Backoff, Deadline: s.Deadline,
		Once: s.Form == vocab.FormDAG,
	}
}

// labels are those that precheck has found, CPO's own defaults before it.
func (s *step) labels() cpo.Labels {
	if found, err := s.Workspace.precheck(); err == nil {
		return found.Labels
	}
	return cpo.DefaultLabels()
}

// unknownMessage is that of a run that was killed.
const unknownMessage = "the run ended before it could say how"

// newReport returns the report of a run that has proven nothing.
func (s *step) newReport() report.Report {
	return report.Report{
		Result: stanzaflowv1alpha1.RunUnknown, Step: Names[0], Message: unknownMessage,
		Kind: s.Kind, Run: s.Run, Cluster: s.Cluster, Repo: s.Backup.Repo, Type: s.Backup.Type, Trigger: s.Trigger,
	}
}

func (e Env) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(e.Log, "%s %s\n", e.Clock.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}
