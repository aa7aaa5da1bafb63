// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drillplan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Env is what a plan is made with.
type Env struct {
	Finder    remote.Finder
	Workflows remote.Workflows
	Executor  remote.Executor
	Clock     clock.WithDelayedExecution
	// Random picks the moment of a drill with the target Random.
	Random *rand.Rand
	// Log is the log of the container.
	Log io.Writer
}

// Options of a plan, as the WorkflowTemplate passes them.
type Options struct {
	// Namespace and Cluster name the postgresql resource.
	Namespace, Cluster string
	// Drill is the name of a drill of the Stanza, empty for one by hand. Target replaces
	// its target: Newest, Random, Immediate, or a moment with its offset from UTC.
	Drill, Target string
	// Trigger of the drill, name and UID of its Workflow, and when that was created.
	Trigger, Workflow, Run, Created string
	// Limit is how long after its start the drill must be over.
	Limit time.Duration
	// Config is drills.json of the ConfigMap of the drills.
	Config string
	// Attempts is how often the plan is tried, Backoff the wait before the second attempt.
	Attempts int
	Backoff  time.Duration
	// Outputs is the directory in which Argo reads the output parameters.
	Outputs drill.Outputs
	// TerminationLog is where Kubernetes reads the message of the container.
	TerminationLog string
}

// planning is one plan on its way.
type planning struct {
	Env
	Options

	clock    attempt.Clock
	cluster  *remote.Cluster
	deadline time.Time
	attempts attempt.Series
	report   report.Report
	plan     drill.Plan
}

const stepPlan = "plan"

// Run plans a drill and returns the exit code of the container. Whatever happens is in the
// report, in the termination message and in the log.
func Run(ctx context.Context, env Env, options Options) int {
	p := &planning{Env: env, Options: options, clock: attempt.Clock{WithDelayedExecution: env.Clock}}
	p.report = report.Report{
		Kind: vocab.RunDrill, Result: stanzaflowv1alpha1.RunUnknown, Step: stepPlan, Message: drill.UnknownMessage,
		Run: options.Run, Cluster: options.Cluster, Trigger: options.Trigger,
	}
	if err := p.Outputs.Save(p.report, false); err != nil {
		return p.fail(ctx, attempt.Of(err))
	}
	if err := p.prepare(ctx); err != nil {
		return p.fail(ctx, &attempt.Failure{Message: err.Error(), Stop: true})
	}
	err := p.attempts.Do(ctx, p.makePlan)
	if err == nil {
		err = p.publish()
	}
	if err != nil {
		return p.fail(ctx, attempt.Of(err))
	}
	return 0
}

// prepare reads the options.
func (p *planning) prepare(ctx context.Context) error {
	created, err := time.Parse(time.RFC3339, p.Created)
	switch {
	case err != nil:
		return fmt.Errorf("--created is %q, must be a time such as 2026-11-22T02:30:00Z", p.Created)
	case p.Limit <= 0:
		return fmt.Errorf("parameter limit is %s, must be more than 0, such as 23h", p.Limit)
	case p.Attempts < 1:
		return fmt.Errorf("--attempts is %d, must be at least 1", p.Attempts)
	case p.Namespace == "" || p.Workflow == "" || p.Run == "":
		return fmt.Errorf("namespace is %q, workflow %q and run %q, must be namespace, name and UID of the Workflow", p.Namespace, p.Workflow, p.Run)
	case p.Cluster == "":
		return errors.New("parameter cluster is empty, must be the name of a postgresql resource in this namespace")
	}
	// Argo sets the start again when somebody retries an old drill.
	started, err := p.Workflows.Started(ctx, p.Namespace, p.Workflow, p.Run)
	if err != nil || started.IsZero() {
		started = created
	}
	p.deadline = started.Add(p.Limit)
	p.cluster = &remote.Cluster{
		Finder: p.Finder, Executor: p.Executor, Clock: p.clock, Namespace: p.Namespace, Name: p.Cluster,
		Labels: cpo.DefaultLabels(), Log: p.Log, Transcript: filepath.Join(string(p.Outputs), "pgbackrest.txt"), Logf: p.logf,
	}
	p.attempts = attempt.Series{
		Name: stepPlan, Clock: p.clock, Logf: p.logf, Attempts: p.Attempts, Backoff: p.Backoff, Deadline: p.deadline,
	}
	return p.choose()
}

// publish leaves the plan for step restore, and the report as far as it is known.
func (p *planning) publish() error {
	text, err := p.plan.Encode()
	if err != nil {
		return err
	}
	if err := p.Outputs.Write(drill.FilePlan, text); err != nil {
		return err
	}
	return p.Outputs.Save(p.report, false)
}

// fail puts a Failure where people look for it.
func (p *planning) fail(ctx context.Context, f *attempt.Failure) int {
	exit, result := drill.ExitStop, stanzaflowv1alpha1.RunFailed
	message := f.Message
	switch {
	case f.Held:
		result = stanzaflowv1alpha1.RunHeld
	case f.Stop:
	case f.Late:
		message = fmt.Sprintf("%s%s: %s; see why it took so long, or raise the parameter limit", vocab.OverLimit, p.Limit, message)
	case ctx.Err() != nil:
		exit, result, message = drill.ExitStopped, stanzaflowv1alpha1.RunUnknown, "the drill was stopped in step "+stepPlan
	default:
		exit = drill.ExitGaveUp
	}
	p.report.Result, p.report.Message, p.report.Code = result, report.OneLine(message), f.Code
	if err := p.Outputs.Save(p.report, false); err != nil {
		p.logf("%v", err)
	}
	p.logf("%s: %s", result, p.report.Message)
	if err := os.WriteFile(p.TerminationLog, []byte(string(result)+": "+p.report.Message), 0o600); err != nil {
		p.logf("cannot write the termination message: %v", err)
	}
	return exit
}

func (p *planning) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(p.Log, "%s %s\n", p.Clock.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}
